"""Figures as Markdown: the tables that both cards share."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from proxy.evaluation.statistics import Interval, Rate
from scripts.judge_training.assess import Accuracy, Bin
from scripts.judge_training.datasets import SOURCES


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def rate(found: Rate) -> str:
    """A rate with its interval; without one where nothing was measured."""
    return f"{found.value:.3f} {interval(found.interval)}" if found.n else "not measured"


def interval(found: Interval) -> str:
    """Both ends of an interval."""
    return f"[{found.low:.3f}, {found.high:.3f}]"


def error_points(found: Accuracy) -> float:
    """The flagged rate less the labelled one, in percentage points."""
    return 100 * (found.flagged.value - found.labelled.value)


def accuracies(found: Mapping[str, Accuracy]) -> str:
    """One row a set."""
    header = ["set", "n", "AUROC", "sensitivity", "specificity", "labelled", "flagged", "error"]
    rows = [
        [
            name,
            str(a.n),
            f"{a.auroc:.3f} {interval(a.auroc_interval)}",
            rate(a.sensitivity),
            rate(a.specificity),
            f"{a.labelled.value:.3f}",
            f"{a.flagged.value:.3f}",
            f"{error_points(a):+.1f} points",
        ]
        for name, a in found.items()
    ]
    return table(header, rows)


def crossed(found: Mapping[str, Mapping[str, Rate]]) -> str:
    """Sets down, what was measured across."""
    columns = list(next(iter(found.values())))
    rows = [
        [name, str(next(iter(rates.values())).n), *(rate(rates[column]) for column in columns)]
        for name, rates in found.items()
    ]
    return table(["set", "n", *columns], rows)


def curve(bins: Sequence[Bin]) -> str:
    """A calibration curve: a calibrated score equals the observed share."""
    rows = [
        [
            f"{each.low:.1f}-{each.low + 0.1:.1f}",
            str(each.observed.n),
            f"{each.mean:.3f}",
            rate(each.observed),
        ]
        for each in bins
    ]
    return table(["score", "n", "mean score", "labelled complying"], rows)


def sources(found: Mapping[str, str]) -> str:
    """The data, where anyone gets it, and what was read."""
    rows = [[f"`{path}`", SOURCES[path], f"`{sha}`"] for path, sha in found.items()]
    return table(["path below `--data`", "source and licence", "sha256"], rows)
