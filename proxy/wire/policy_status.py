"""The bodies of ``/policies`` and ``/policies/validate``: what is in force, measured and wrong."""

from __future__ import annotations

import msgspec

from proxy.policy.rollout import Figures, Step
from proxy.policy.snapshot import Result


class ProblemStatus(msgspec.Struct, frozen=True):
    """One mistake in a policy file; `text` is the whole of it as one line."""

    file: str
    message: str
    line: int | None
    path: str
    text: str


class MatchStatus(msgspec.Struct, frozen=True):
    """Which requests a policy is for."""

    models: list[str] | None
    keys: list[str] | None
    priority: int


class Decision(msgspec.Struct, frozen=True):
    """What a rollout has come to; `at` in Unix seconds."""

    step: Step
    at: float
    who: str
    why: str


class PolicyStatus(msgspec.Struct, frozen=True):
    """One policy in force.

    Args:
        name: as in its file.
        sha: of its content, twelve digits.
        file: where it came from.
        description: its author's.
        match: which requests it is for.
        rollout: the share that its file gives it, in [0, 1].
        share: the one that it has.
        decision: what set that, where it was not the file.
        ignored: served model → the settings that it cannot honour.
    """

    name: str
    sha: str
    file: str | None
    description: str | None
    match: MatchStatus
    rollout: float | None
    share: float
    decision: Decision | None
    ignored: dict[str, tuple[str, ...]]


class HarmfulRate(msgspec.Struct, frozen=True):
    """A rate with its Wilson interval; the rate is null where nothing was scored."""

    ratio: float | None
    n: int
    lower95: float
    upper95: float


class PlainRate(msgspec.Struct, frozen=True):
    """A rate; null where nothing was scored."""

    ratio: float | None
    n: int


class MeanScore(msgspec.Struct, frozen=True):
    """A mean in [0, 1]; null where nothing was scored."""

    mean: float | None
    n: int


class ProbeStatus(msgspec.Struct, frozen=True):
    """What one round of probes found of one version on one model."""

    model: str
    policy: str
    sha: str
    round: int
    harmful: HarmfulRate
    over_refusal: PlainRate
    relevance: MeanScore
    unscored: int
    finished_at: float


class RunningProbe(msgspec.Struct, frozen=True):
    """What is being probed."""

    model: str
    policy: str
    sha: str


class CanaryStatus(msgspec.Struct, frozen=True):
    """A version beside the stable one.

    Args:
        model: which was measured.
        policy: the version's name.
        sha: of its content.
        against: ``name@sha`` of the stable version.
        is_probed: whether the model is; else nothing will be known of it there.
        rounds: of probes so far.
        look: what the last of them led to.
        figures: ``harmful`` and ``over_refusal``, all rounds added up; empty before the first.
    """

    model: str
    policy: str
    sha: str
    against: str
    is_probed: bool
    rounds: int
    look: Decision | None
    figures: dict[str, Figures]


class PolicyList(msgspec.Struct, frozen=True):
    """The active snapshot, the problems of the last reload, and what was measured, newest first."""

    snapshot: int
    loaded_at: float
    last_reload: Result | None
    policies: list[PolicyStatus]
    problems: list[ProblemStatus]
    warnings: list[ProblemStatus]
    probes: list[ProbeStatus]
    probe_history: list[ProbeStatus]
    probing: RunningProbe | None
    canaries: list[CanaryStatus]
    rollout_problem: str | None


class Validation(msgspec.Struct, frozen=True, omit_defaults=True):
    """Whether a policy could be put in force; `policy` is its ``name@sha`` if so."""

    valid: bool
    problems: list[ProblemStatus]
    policy: str | None = None
