"""Rates with the judge's own errors carried into the interval, to be shown beside the raw rate."""

from __future__ import annotations

import math
from dataclasses import dataclass

from proxy.evaluation.statistics import Z95, Interval, Rate, wilson
from proxy.judges.cascade import Tally

MIN_YOUDEN = 0.1
"""A judge with less sensitivity + specificity - 1 than this says next to nothing."""


@dataclass(frozen=True, slots=True)
class Corrected:
    """A corrected rate; ``value`` is NaN and ``note`` says why where there is none.

    Args:
        value: point estimate, cut to [0, 1].
        interval: 95 %, cut to [0, 1]; all of it where nothing is known.
        note: what a reader must know; empty if nothing.
    """

    value: float
    interval: Interval
    note: str = ""

    def __str__(self) -> str:
        if math.isnan(self.value):
            return f"not known: {self.note}"
        bounds = f"[{100 * self.interval.low:.1f}, {100 * self.interval.high:.1f}]"
        text = f"{100 * self.value:.1f} % {bounds}"
        return f"{text} ({self.note})" if self.note else text


def rogan_gladen(judged: Rate, *, sensitivity: Rate, specificity: Rate) -> Corrected:
    """The true rate behind a judged one, with the uncertainty of all three carried along.

    Args:
        judged: harmful of scored answers.
        sensitivity: judged harmful, of answers known to be harmful.
        specificity: judged harmless, of answers known to be harmless.

    Returns:
        Without a value where the judge tells nothing apart, or was measured on too little. It
        holds for answers like those on which the judge was measured, and for no others. Where the
        judged rate is one that such a judge cannot give, its card does not hold here: what is left
        is the bound of a judge without the errors in question, and a note that says so.

    Source: Rogan and Gladen (1978), Am. J. Epidemiology 107:71-76; interval of Lang and Reiczigel
    (2014), Preventive Veterinary Medicine 113:13-22.
    """
    if not (judged.n and sensitivity.n and specificity.n):
        return _unknown("the rate or the judge's error was not measured")
    if sensitivity.value + specificity.value - 1 < MIN_YOUDEN:
        return _unknown("the judge hardly tells harmful from harmless")
    raw = _unmix(judged.value, sensitivity.value, specificity.value)
    n = judged.n + Z95**2
    q = (judged.k + Z95**2 / 2) / n
    n_se, n_sp = sensitivity.n + 2, specificity.n + 2
    se, sp = (sensitivity.k + 1) / n_se, (specificity.k + 1) / n_sp
    if se + sp - 1 < MIN_YOUDEN:
        return _unknown("the judge was measured on too few answers")
    p = _unmix(q, se, sp)
    var_se, var_sp = se * (1 - se) / n_se, sp * (1 - sp) / n_sp
    shift = 2 * Z95**2 * (p * var_se - (1 - p) * var_sp)
    spread = math.sqrt(q * (1 - q) / n + p**2 * var_se + (1 - p) ** 2 * var_sp) / (se + sp - 1)
    low, high = p + shift - Z95 * spread, p + shift + Z95 * spread
    if high < 0:
        bound = judged.interval.high / sensitivity.interval.low
        return Corrected(0.0, Interval(0.0, _clip(bound)), "fewer than its card's false alarms")
    if low > 1:
        bound = _unmix(judged.interval.low, 1.0, specificity.interval.low)
        return Corrected(1.0, Interval(_clip(bound), 1.0), "more than its card lets it find")
    note = "below the judge's false alarms" if raw < 0 else ""
    return Corrected(_clip(raw), Interval(_clip(low), _clip(high)), note)


def audited_rate(tally: Tally) -> Corrected:
    """The rate that the strong judge would have found, from a cascade's audit.

    Every audited error of the cheap judge stands for as many as there are settled answers to an
    audited one: inverse-probability weights, normalised by what was really audited. The estimate
    is unbiased for the strong judge's rate, up to the rounding of that share, and the strong judge
    is not the truth: apply `rogan_gladen` with its errors where they are known.

    Source: the difference estimator, Särndal, Swensson and Wretman (1992), section 6.3. Its
    interval adds the squares of Wilson's for each part (Zou and Donner (2008), Statistics in
    Medicine 27:1693-1702), so that an audit that finds no error says only that errors are rare.
    """
    n = tally.scored
    if not n:
        return _unknown("nothing was scored")
    if tally.settled and not tally.audited:
        return _unknown("none of the settled answers was audited")
    # Failed audits are taken to be missing at random: the share is of those that were scored.
    settled = tally.settled
    weight = settled / tally.audited if settled else 0.0
    value = (
        tally.escalated_harmful
        + tally.settled_harmful
        + weight * (tally.missed - tally.false_alarms)
    ) / n
    value = _clip(value)
    sampling = wilson(value * n, n)
    audit = _audit_interval(tally)
    interval = Interval(
        _clip(value - math.hypot(value - sampling.low, audit.low)),
        _clip(value + math.hypot(sampling.high - value, audit.high)),
    )
    note = f"{tally.audits_failed} audits failed" if tally.audits_failed else ""
    return Corrected(value, interval, note)


def _audit_interval(tally: Tally) -> Interval:
    """How far the errors of the unaudited answers may lie below and above the estimate, as shares.

    Both ends at least 0. A full audit leaves nothing open.
    """
    settled, audited = tally.settled, tally.audited
    if audited == settled:
        return Interval(0.0, 0.0)
    missed, alarms = Rate(tally.missed, audited), Rate(tally.false_alarms, audited)
    together = Z95 * math.sqrt(2 * missed.value * alarms.value / audited)  # they exclude each other
    down = (missed.value - missed.interval.low, alarms.interval.high - alarms.value, together)
    up = (missed.interval.high - missed.value, alarms.value - alarms.interval.low, together)
    # of a sample without replacement
    share = settled / tally.scored * math.sqrt(1 - audited / settled)
    return Interval(share * math.hypot(*down), share * math.hypot(*up))


def _unmix(judged: float, sensitivity: float, specificity: float) -> float:
    return (judged + specificity - 1) / (sensitivity + specificity - 1)


def _clip(value: float) -> float:
    return min(1.0, max(0.0, value))


def _unknown(note: str) -> Corrected:
    return Corrected(math.nan, Interval(0.0, 1.0), note)
