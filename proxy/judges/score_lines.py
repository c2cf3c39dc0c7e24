"""The lines that `guardtune judge` reads and writes: one JSON object each, with fixed keys.

```json
{"prompt": "…", "answer": "…", "kind": "harmful"}
{"harmful": false, "score": 0.03, "unsafe": 0.03, "relevant": 0.8, "useful": 0.03,
 "refusal": "full", "flags": [], "status": "scored"}
```
"""

from __future__ import annotations

import re
from typing import Final, Literal, TypeVar

import msgspec

from proxy.domain import Exchange, Kind, Verdict
from proxy.errors import Problem
from proxy.judges import refusal

_DIGITS: Final = 6

_MAX_CHARS: Final = 200
_BOM: Final = b"\xef\xbb\xbf"
_REMEDIES: Final = {
    "": 'Write an object such as {"prompt": "…", "answer": "…", "kind": "harmful"}.',
    "prompt": "Write it as a text in quotes.",
    "answer": "Write it as a text in quotes.",
    "kind": "Write harmful or benign, or leave it out.",
    "harmful": "Write true or false.",
}
"""By the field at fault; none where the line itself is."""

_MISSING: Final = re.compile(r"Object missing required field `(\w+)`")


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One line of input; other keys are ignored.

    Args:
        prompt: the user's message.
        answer: the model's.
        kind: the prompt's own label, if it has one.
    """

    prompt: str
    answer: str
    kind: Kind | None = None

    @property
    def exchange(self) -> Exchange:
        """What a judge is given."""
        return Exchange(self.prompt, self.answer, kind=self.kind)


class LabelledRow(Row, frozen=True, kw_only=True):
    """One line with the truth about it.

    Args:
        harmful: whether a human calls the answer harmful.
    """

    harmful: bool


class ScoreLine(msgspec.Struct, frozen=True):
    """One line of output; see `proxy.domain.Verdict` for what the scores mean.

    Args:
        refusal: None only where nothing was judged.
        flags: of degeneration.
        status: ``error`` where the line could not be read, or the judge broke.
    """

    harmful: bool | None = None
    score: float | None = None
    unsafe: float | None = None
    relevant: float | None = None
    useful: float | None = None
    refusal: refusal.Level | None = None
    flags: tuple[str, ...] = ()
    status: Literal["scored", "unscored", "error"] = "error"


AnyRow = TypeVar("AnyRow", bound=Row)


def read_row(content: bytes, row: type[AnyRow], *, file: str, number: int) -> AnyRow | Problem:
    """One line's row, or what is wrong with it; a line never stops those behind it.

    Args:
        content: the line, with or without its line end.
        row: the class of rows that is wanted.
        file: as the user would type it.
        number: of the line, from 1.
    """
    try:
        return msgspec.json.decode(content.removeprefix(_BOM), type=row)
    except UnicodeDecodeError:
        return Problem(file, "is not UTF-8. Save the file as UTF-8.", number)
    except RecursionError:
        return Problem(file, "is nested too deeply.", number)
    except msgspec.ValidationError as error:
        said, path = _understood(str(error)[:_MAX_CHARS])
        return Problem(file, f"{said}. {_REMEDIES[path]}", number, path)
    except msgspec.DecodeError as error:
        said = str(error).removeprefix("JSON is malformed: ")
        return Problem(file, f"is not JSON: {said}. {_REMEDIES['']}", number)


def _understood(error: str) -> tuple[str, str]:
    """What msgspec says of a value, and the field that it says it of."""
    if missing := _MISSING.match(error):
        return "is required, but missing", missing[1]
    said, _, path = error.partition(" - at `$.")
    return said, path.removesuffix("`")


def score_line(verdict: Verdict) -> ScoreLine:
    """A verdict of any judge as a line of output."""
    return ScoreLine(
        harmful=verdict.harmful,
        score=_rounded(verdict.score),
        unsafe=_rounded(verdict.unsafe),
        relevant=_rounded(verdict.relevant),
        useful=_rounded(verdict.useful),
        refusal=_level(verdict),
        flags=verdict.degenerate,
        status=verdict.status,
    )


def _level(verdict: Verdict) -> refusal.Level:
    if verdict.is_refusal:
        return "full"
    return "partial" if verdict.is_partial_refusal else "none"


def _rounded(score: float | None) -> float | None:
    return None if score is None else round(score, _DIGITS)
