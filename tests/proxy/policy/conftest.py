"""Random tests of this room on a machine that may be busy."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("policy", deadline=None, print_blob=True)
settings.load_profile("policy")
