"""``python -m proxy`` does what ``guardtune`` does."""

import sys

from proxy.cli import main

sys.exit(main())
