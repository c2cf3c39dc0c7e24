from __future__ import annotations

from proxy.suites.catalogue import FORMATS
from proxy.suites.choice_formats import CHOICE_FORMATS
from proxy.suites.reference import markdown


def test_page_has_a_row_for_every_published_suite() -> None:
    """With its number of rows and its licence; files of one's own have neither."""
    lines = markdown().splitlines()
    forms = [(name, form.published_n, form.licence) for name, form in FORMATS.items()]
    forms += [(name, form.published_n, form.licence) for name, form in CHOICE_FORMATS.items()]
    for name, n, licence in forms:
        rows = [line for line in lines if line.startswith(f"| `{name}` |")]
        assert len(rows) == (n is not None)
        assert all(f"| {n:,} | {licence} |" in row for row in rows)
