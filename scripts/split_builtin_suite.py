"""Give the built-in suite's new prompts their splits, once they stand in its file without one.

Those that have a split keep it: what was ever searched on never comes to be tested on.
Rows are sorted by kind, category and content hash, so that their order says nothing either.
Run from the repository's root: ``.venv/bin/python scripts/split_builtin_suite.py``.
"""

from __future__ import annotations

import json
from pathlib import Path

from proxy.domain import Prompt
from proxy.suites.builtin import ID, PATH
from proxy.suites.formats import read_jsonl
from proxy.suites.rows import check
from proxy.suites.splits import extend
from proxy.suites.summary import torn


def main() -> None:
    """Rewrite the file in place; a file with mistakes is left as it is."""
    content = read_jsonl(PATH.read_text(encoding="utf-8"), PATH.name)
    prompts, problems = check(content, file=PATH.name, suite=ID, allows_repeats=False)
    if problems:
        raise SystemExit("\n".join(map(str, problems)))
    whole = extend(prompts)
    if across := torn(whole):
        raise SystemExit("\n".join([*across, "Reword one of each, or give both one split."]))
    ordered = sorted(whole, key=lambda p: (p.kind, p.is_lookalike, p.category, p.id))
    _write(PATH, "".join(map(_line, ordered)))
    n_added = sum(prompt.split is None for prompt in prompts)
    print(f"{PATH}: {len(ordered)} prompts, {n_added} of them new")


def _line(prompt: Prompt) -> str:
    row = {"prompt": prompt.text, "kind": prompt.kind, "category": prompt.category}
    lookalike = {"lookalike": True} if prompt.is_lookalike else {}
    return json.dumps(row | lookalike | {"split": prompt.split}, ensure_ascii=False) + "\n"


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
