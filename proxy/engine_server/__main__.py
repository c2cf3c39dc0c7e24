"""``python -m proxy.engine_server``: started by `backends.engine_process`; orders come on stdin."""

from __future__ import annotations

import sys

from proxy.backends.local import LocalBackend
from proxy.engine_server.run import main

if __name__ == "__main__":
    sys.exit(main(LocalBackend))
