"""What a run found: as text for people, as JSON for programs, and as a page to look at."""

from tuner.report.text import as_json, as_text

__all__ = ["as_json", "as_text"]
