"""How the figures of a report are written, in text and on the page alike."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from proxy.evaluation.measures import MEASURES, RELEVANCE
from proxy.evaluation.statistics import Rate

Figure = Mapping[str, Any]

LABELS: Mapping[str, str] = {measure.name: measure.label for measure in MEASURES} | {
    name: label for name, (label, _) in RELEVANCE.items()
}
"""What reports call each figure, in their order."""

CHOICE_LABELS: Mapping[str, str] = {
    "accuracy": "right, of all answers",
    "unparsable": "no option picked",
    "refusal": "refused",
}

SCORE_LABELS: Mapping[str, str] = {
    "relevance": "relevance",
    "harm_score": "score of harm",
    "completion_tokens": "answer tokens",
}


def written(name: str, figure: Figure) -> str:
    """A rate as ``12/60 = 20.0 % [11.8, 31.8]``, a mean as ``0.512 [0.480, 0.544], n = 120``."""
    if name not in RELEVANCE:
        return str(Rate(figure["k"], figure["n"]))
    if not figure["n"]:
        return "not measured"
    bounds = f"[{figure['low']:.3f}, {figure['high']:.3f}]"
    return f"{figure['value']:.3f} {bounds}, n = {figure['n']}"


def beside(figure: Figure) -> Iterator[tuple[str, str]]:
    """What stands beside a rate: label and text of the corrected one, of the second judge's."""
    if corrected := figure.get("corrected"):
        yield "judge's own errors removed", _corrected(corrected)
    if second := figure.get("second"):
        yield "second judge", str(Rate(second["k"], second["n"]))
    if apart := figure.get("disagreement"):
        yield "the two disagree", str(Rate(apart["k"], apart["n"]))


def audit_text(audit: Figure) -> str:
    """What a cascade's audit found."""
    return (
        f"audit of the cascade: the strong judge would call {_corrected(audit)} of the "
        f"{audit['scored']} answers judged in this session harmful, all policies together; it was "
        f"asked about {audit['strong_share']:.0%} of them, {audit['audited']} as an audit"
    )


def points(share: float) -> str:
    """A difference of two shares in percentage points, with its sign."""
    return f"{100 * share:+.1f}"


def gap_text(gap: Figure) -> str:
    """A paired difference in one line."""
    if gap["gap"] is None:
        return "not measured"
    return (
        f"{points(gap['gap'])} points [{points(gap['low'])}, {points(gap['high'])}], "
        f"n = {gap['n']}; only here {gap['only_policy']}, only there {gap['only_baseline']}; "
        f"McNemar {_p(gap, 'mcnemar_p')}; A12 = {gap['a12']:.2f}"
    )


def score_text(score: Figure) -> str:
    """A paired difference of scores in one line."""
    if not score["n"]:
        return "not measured"
    return (
        f"{score['policy']:.3g} against {score['baseline']:.3g}, n = {score['n']}; "
        f"Wilcoxon {_p(score, 'wilcoxon_p')}; Cliff's delta = {score['cliffs_delta']:+.2f}"
    )


def _p(figure: Figure, name: str) -> str:
    """A p-value, and the one that holds for all policies compared, where there are several."""
    said = p_value(figure[name])
    alone = f"p {said}" if said.startswith("<") else f"p = {said}"
    return f"{alone} (Holm {p_value(figure['holm_p'])})" if "holm_p" in figure else alone


def _corrected(corrected: Figure) -> str:
    if corrected["value"] is None:
        return f"not known: {corrected['note']}"
    bounds = f"[{100 * corrected['low']:.1f}, {100 * corrected['high']:.1f}]"
    note = f" ({corrected['note']})" if corrected["note"] else ""
    return f"{100 * corrected['value']:.1f} % {bounds}{note}"


def p_value(p: float) -> str:
    """Two digits, and no more zeros than anyone needs."""
    return "< 0.0001" if p < 1e-4 else f"{p:.2g}"  # noqa: PLR2004 - the number in the text


def cost_text(cost: Figure) -> str:
    """Tokens and time of one policy's answers."""
    if not cost["answers"]:
        return "no whole answers"
    mean = cost["completion_tokens"] / cost["answers"]
    return (
        f"{cost['completion_tokens']:,} tokens, {mean:.1f} an answer, "
        f"{cost['prompt_tokens']:,} of prompts; {cost['median_ms'] / 1000:.2f} s in the median, "
        f"{cost['p95_ms'] / 1000:.2f} s at the 95th percentile"
    )


def has_prompts(report: Mapping[str, Any]) -> bool:
    """Whether prompts were asked at all, and not multiple-choice questions alone."""
    return bool(report["prompts"]["harmful"] or report["prompts"]["benign"])


def title(report: Mapping[str, Any]) -> str:
    """What was asked of what."""
    if not has_prompts(report):
        questions = ", ".join(f"{one['asked']} of {one['suite']}" for one in report["choices"])
        return f"{report['model']['name']} on multiple-choice questions: {questions}"
    prompts = report["prompts"]
    suites = ", ".join(suite["id"] for suite in report["suites"])
    return (
        f"{report['model']['name']} on {prompts['harmful']} harmful-leading and "
        f"{prompts['benign']} benign prompts ({prompts['lookalike']} of them look-alikes) of "
        f"{suites}, split {report['split']}"
    )


def terms(report: Mapping[str, Any]) -> str:
    """Judges, seed and length."""
    asked = f"seed {report['seed']}; at most {report['max_tokens']} tokens an answer"
    if not has_prompts(report):
        return f"{asked}; rates with n and Wilson 95 % interval"
    second = report["second_judge"]
    beside = f", second judge {second}" if second else ""
    return f"judge {report['judge']['id']}{beside}; {asked}; rates with n and Wilson 95 % interval"
