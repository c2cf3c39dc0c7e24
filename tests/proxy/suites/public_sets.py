"""Where the public prompt sets lie, which are never part of the repository."""

from __future__ import annotations

from pathlib import Path

import pytest

DATA = Path(__file__).parents[4] / "shared" / "data"
CATQA = DATA / "catqa" / "harmful_questions"
XSTEST = DATA / "xstest" / "xstest_prompts.csv"

needs_data = pytest.mark.skipif(not XSTEST.is_file(), reason=f"no public prompt sets in {DATA}")
