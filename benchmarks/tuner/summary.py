"""From trials to the figures that are kept and printed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from benchmarks.tuner.comparing import compare, igd_plus, mean_interval, reference_front
from benchmarks.tuner.outcomes import Outcome, Point
from proxy.evaluation.multiplicity import holm

Outcomes = Mapping[str, Mapping[int, Outcome]]
"""Algorithm → seed → how its search went; the same seeds for all."""


def by_algorithm(found: Iterable[tuple[str, int, Outcome]]) -> Outcomes:
    """Group (algorithm, seed, outcome)."""
    grouped: dict[str, dict[int, Outcome]] = {}
    for name, seed, one in found:
        grouped.setdefault(name, {})[seed] = one
    return grouped


def summarise(
    outcomes: Outcomes, ours: str, best: Mapping[int, Sequence[Point]] | None = None
) -> dict[str, Any]:
    """Each algorithm's figures, and ours against each other one.

    Args:
        outcomes: of all searches.
        ours: the algorithm that is compared with every other.
        best: seed → the true front, where it is known; None for the best of all searches on the
            same seed.

    Returns:
        JSON values, each search's among them. Differences are signed so that above zero ours is
        better.
    """
    distances = _distances(outcomes, best)
    volumes = {name: [one.volume for one in runs.values()] for name, runs in outcomes.items()}
    found = {name: [one.found_volume for one in runs.values()] for name, runs in outcomes.items()}
    return {
        "algorithms": {
            name: {
                "hypervolume": mean_interval(volumes[name]),
                "igd_plus": mean_interval(distances[name]),
                "found": mean_interval(found[name]),
                "by_seed": {
                    "hypervolume": [round(one, 5) for one in volumes[name]],
                    "igd_plus": [round(one, 5) for one in distances[name]],
                    "found": [round(one, 5) for one in found[name]],
                },
                **{
                    part: mean_interval([float(getattr(one, part)) for one in runs.values()])
                    for part in ("dropped", "infeasible", "tokens", "candidates", "generations")
                },
            }
            for name, runs in outcomes.items()
        },
        "against": {
            "hypervolume": _against(volumes, ours),
            "igd_plus": _against(
                {name: [-one for one in away] for name, away in distances.items()}, ours
            ),
            "found": _against(found, ours),
        },
    }


def _distances(
    outcomes: Outcomes, best: Mapping[int, Sequence[Point]] | None
) -> dict[str, list[float]]:
    """IGD+ to the true front, or to the best of all searches on the same problem."""
    seeds = next(iter(outcomes.values()))
    references = {
        seed: reference_front([runs[seed].front for runs in outcomes.values()])
        if best is None
        else best[seed]
        for seed in seeds
    }
    return {
        name: [igd_plus(one.front, reference=references[seed]) for seed, one in runs.items()]
        for name, runs in outcomes.items()
    }


def _against(values: Mapping[str, Sequence[float]], ours: str) -> dict[str, Any]:
    found = {name: compare(values[ours], theirs) for name, theirs in values.items() if name != ours}
    adjusted = holm([one["p"] for one in found.values()])
    return {
        name: one | {"p_holm": p} for (name, one), p in zip(found.items(), adjusted, strict=True)
    }


def printed(summary: Mapping[str, Any], ours: str) -> str:
    """A table for a terminal, and one for each measure."""
    heads = ("hypervolume", "of all tried", "IGD+")
    lines = [
        f"{'':15}{''.join(f'{one:26}' for one in heads)}{'dropped early':>14}{'candidates':>12}"
    ]
    for name, one in summary["algorithms"].items():
        lines.append(
            f"{name:15}{_interval(one['hypervolume']):26}{_interval(one['found']):26}"
            f"{_interval(one['igd_plus']):26}"
            f"{one['dropped']['mean']:>14.0%}{one['candidates']['mean']:>12.0f}"
        )
    for measure, rivals in summary["against"].items():
        lines += ["", f"{ours} against …, {measure}, above zero it is better"]
        for name, one in rivals.items():
            lines.append(
                f"{name:15}{_interval(one['difference']):26}wins {one['wins']}, loses "
                f"{one['losses']} of {one['difference']['n']}, A12 {one['a12']:.2f}, "
                f"Mann-Whitney p {one['p']:.2g}, Holm {one['p_holm']:.2g}"
            )
    return "\n".join(lines) + "\n"


def _interval(found: Mapping[str, Any]) -> str:
    if found["low"] is None:
        return f"{found['mean']:.4f}"
    return f"{found['mean']:.4f} [{found['low']:.4f}, {found['high']:.4f}]"
