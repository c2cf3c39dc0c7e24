"""Conditions on which a build fails: ``[POLICY:]NAME COMPARATOR NUMBER``.

``harmful_upper95 > 0.2`` fails where any policy's upper bound lies above a fifth. A figure that was
not measured fails its gate too: what is not shown must not pass.
"""

from __future__ import annotations

import difflib
import operator
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from proxy.errors import Problem
from proxy.evaluation.measures import COMPARED, HARMFUL, MEASURES, RELEVANCE, UNSCORED

_COMPARATORS: Final[Mapping[str, Callable[[float, float], bool]]] = {
    ">": operator.gt, ">=": operator.ge, "<": operator.lt, "<=": operator.le,
}  # fmt: skip

_GATE = re.compile(
    r"\s*(?:(?P<policy>[a-z0-9-]+)\s*:)?\s*(?P<name>[A-Za-z0-9_]+)\s*(?P<comparator>>=|<=|>|<)"
    r"\s*(?P<number>[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*"
)

_CHOICES: Final = ("accuracy", "unparsable")
_SHARES: Final = (*(measure.name for measure in MEASURES), *RELEVANCE, *_CHOICES)
_GAPS: Final = (*(f"{measure.name}_gap" for measure in COMPARED), "accuracy_gap")
_COUNTS: Final = ("missing", "tokens_mean", "duration_median_ms", "duration_p95_ms")


def _names() -> Iterator[str]:
    for share in _SHARES:
        yield from (share, f"{share}_lower95", f"{share}_upper95", f"{share}_n")
    corrected = f"{HARMFUL.name}_corrected"
    yield from (corrected, f"{corrected}_lower95", f"{corrected}_upper95")
    for measure in MEASURES:
        if not measure.is_opinion:
            continue
        yield f"{measure.name}_second"
        if measure is not UNSCORED:
            yield f"{measure.name}_disagreement"
    for gap in _GAPS:
        yield from (gap, f"{gap}_lower95", f"{gap}_upper95")
    yield from _COUNTS


NAMES: Final = tuple(_names())
"""Every name that a gate may use. A ``…_gap`` is the policy's rate minus the first policy's."""


@dataclass(frozen=True, slots=True)
class Gate:
    """One condition.

    Args:
        text: as the user wrote it.
        policy: the name it is for; None for all.
        name: one of :data:`NAMES`.
        comparator: ``>``, ``>=``, ``<`` or ``<=``.
        number: what the figure is compared with.
    """

    text: str
    policy: str | None
    name: str
    comparator: str
    number: float

    @property
    def is_gap(self) -> bool:
        """Whether it speaks of a difference to the first policy."""
        return self.name.startswith(_GAPS)


@dataclass(frozen=True, slots=True)
class Result:
    """What a gate says of one policy.

    Args:
        gate: the condition.
        policy: the policy's name.
        value: the figure; None where it was not measured.
        is_passed: whether the build may go on.
    """

    gate: Gate
    policy: str
    value: float | None
    is_passed: bool

    def __str__(self) -> str:
        found = "not measured" if self.value is None else f"{self.value:.4g}"
        verdict = "passed" if self.is_passed else "FAILED"
        whose = "" if self.gate.policy else f"{self.policy}: "
        return f"{verdict}  {whose}{self.gate.text} ({self.gate.name} is {found})"


def read_gates(
    texts: Sequence[str], policies: Sequence[str] | None
) -> tuple[list[Gate], list[Problem]]:
    """Parse gates; every mistake of all of them is told.

    Args:
        texts: as the user wrote them.
        policies: names of the policies that are measured, the first the baseline; None where they
            are not known, so that nothing is said of them.
    """
    gates: list[Gate] = []
    problems: list[Problem] = []
    for text in texts:
        gate = _read(text)
        message = gate if isinstance(gate, str) else _mistake(gate, policies)
        if message:
            problems.append(Problem("--fail-if", f"{text[:80]!r}: {message}"))
        elif isinstance(gate, Gate):
            gates.append(gate)
    return gates, problems


def check_gates(gates: Sequence[Gate], report: Mapping[str, Any]) -> list[Result]:
    """Hold every gate against the policies that it is for."""
    results: list[Result] = []
    for gate in gates:
        for number, policy in enumerate(report["policies"]):
            if gate.policy not in (None, policy["name"]) or (gate.is_gap and number == 0):
                continue
            value = figure(gate.name, _figures(report, number))
            is_failed = value is None or _COMPARATORS[gate.comparator](value, gate.number)
            results.append(Result(gate, policy["name"], value, is_passed=not is_failed))
    return results


def figure(name: str, figures: Mapping[str, Any]) -> float | None:
    """The figure that a name means; None where it was not measured.

    Args:
        name: one of :data:`NAMES`.
        figures: one policy's, by the names that have parts.
    """
    if name in _COUNTS:
        return _count(name, figures)
    stem, part = _split(name)
    for inner in ("corrected", "second", "disagreement"):
        if stem.endswith(f"_{inner}"):
            outer = figures.get(stem.removesuffix(f"_{inner}")) or {}
            return _part(outer.get(inner), part)
    return _part(figures.get(stem), "gap" if stem in _GAPS and part == "value" else part)


def _figures(report: Mapping[str, Any], number: int) -> dict[str, Any]:
    """One policy's figures by the names of gates; what is not whole has none."""
    policy = report["policies"][number]
    figures = {key: policy[key] for key in ("unscored", "missing", "cost")}
    figures |= policy["rates"] or {}
    choices = report["choices"]
    if len(choices) == 1:  # an accuracy over several suites would mean nothing
        figures |= choices[0]["policies"][number]["overall"] or {}
    if number:
        gaps = report["comparisons"][number - 1]["rates"]
        figures |= {f"{key}_gap": gap for key, gap in gaps.items()}
        if len(choices) == 1 and not choices[0]["is_partial"]:
            figures["accuracy_gap"] = choices[0]["comparisons"][number - 1]["right"]
    return figures


def _read(text: str) -> Gate | str:
    match = _GATE.fullmatch(text)
    if match is None:
        return "write NAME, one of > >= < <=, and a number, as in harmful_upper95 > 0.2."
    return Gate(
        text.strip(), match["policy"], match["name"], match["comparator"], float(match["number"])
    )


def _mistake(gate: Gate, policies: Sequence[str] | None) -> str | None:
    if gate.name not in NAMES:
        close = difflib.get_close_matches(gate.name, NAMES, n=1, cutoff=0.5)
        hint = f" Did you mean `{close[0]}`?" if close else ""
        return f"there is no figure `{gate.name[:80]}`.{hint}"
    if policies is not None and (mistake := _mistaken_policy(gate, policies)):
        return mistake
    is_share = gate.name not in _COUNTS and not gate.name.endswith("_n")
    if is_share and abs(gate.number) > 1:
        return f"`{gate.name}` is a share of 1. Write {gate.number / 100:g} for a percentage."
    return None


def _mistaken_policy(gate: Gate, policies: Sequence[str]) -> str | None:
    if gate.policy is not None and gate.policy not in policies:
        return f"there is no policy `{gate.policy}`. Name one of {', '.join(policies)}."
    if gate.is_gap and (len(policies) == 1 or gate.policy == policies[0]):
        return "a gap is a difference to the first policy, so it needs another one."
    return None


def _split(name: str) -> tuple[str, str]:
    for suffix, part in (("_lower95", "low"), ("_upper95", "high"), ("_n", "n")):
        if name.endswith(suffix):
            return name.removesuffix(suffix), part
    return name, "value"


def _part(figures: Mapping[str, Any] | None, part: str) -> float | None:
    """A part of a figure; bounds of what is not known are no bounds."""
    if figures is None:
        return None
    is_known = figures.get("value", figures.get("gap")) is not None
    return float(figures[part]) if is_known or part == "n" else None


def _count(name: str, figures: Mapping[str, Any]) -> float | None:
    cost = figures["cost"]
    if name == "missing":
        return float(figures["missing"])
    if name == "tokens_mean":
        return cost["completion_tokens"] / cost["answers"] if cost["answers"] else None
    found = cost["median_ms" if name == "duration_median_ms" else "p95_ms"]
    return None if found is None else float(found)
