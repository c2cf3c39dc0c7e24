"""``GET /policies`` and ``POST /policies/validate``: what is in force, and what is wrong."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response

from proxy.endpoints.struct_response import StructResponse
from proxy.errors import PolicyError, Problem
from proxy.operations.canary import Canary
from proxy.operations.honoured import Ignored, ignored_settings
from proxy.operations.probe_report import ProbeReport
from proxy.operations.probes import Probes
from proxy.operations.rollout import Rollout
from proxy.operations.served import ServedModels
from proxy.policy.rollout import Entry
from proxy.policy.schema import Policy
from proxy.policy.snapshot import Snapshot
from proxy.policy.source import load_policy
from proxy.policy.store import PolicyStore
from proxy.policy.wording import printable
from proxy.wire.policy_status import (
    CanaryStatus,
    Decision,
    HarmfulRate,
    MatchStatus,
    MeanScore,
    PlainRate,
    PolicyList,
    PolicyStatus,
    ProbeStatus,
    ProblemStatus,
    RunningProbe,
    Validation,
)

_BODY_NAME = "request.yaml"


class PolicyEndpoints:
    """The policy folder as seen from outside.

    Args:
        store: what is in force.
        probes: what was measured of it.
        rollout: what canaries there are, and what was found.
        models: whose limits show which settings are ignored.
        folder: where ``file:`` of a policy under validation leads.
    """

    def __init__(
        self,
        store: PolicyStore,
        probes: Probes,
        rollout: Rollout,
        models: ServedModels,
        *,
        folder: Path,
    ) -> None:
        self._store = store
        self._models = models
        self._probes = probes
        self._rollout = rollout
        self._folder = folder

    async def list(self, _request: Request) -> Response:
        """The active snapshot, the problems of the last reload, and probe results, newest first."""
        snapshot = self._store.snapshot
        reload = self._store.last_reload
        ignored = ignored_settings(snapshot, self._models.ready())
        said = self._rollout.problem
        return StructResponse(
            PolicyList(
                snapshot=snapshot.number,
                loaded_at=snapshot.loaded_at,
                last_reload=None if reload is None else reload.result,
                policies=[
                    _policy(policy, snapshot=snapshot, ignored=ignored)
                    for policy in snapshot.policies
                ],
                problems=_problems(snapshot.problems),
                warnings=_problems(snapshot.warnings),
                probes=[_probe(report) for report in self._probes.reports],
                probe_history=[_probe(report) for report in reversed(self._probes.history)],
                probing=_running(self._probes),
                canaries=[_canary(canary, look) for canary, look in self._rollout.looks],
                rollout_problem=None if said is None else printable(said),
            )
        )

    async def validate(self, request: Request) -> Response:
        """Check a policy that is sent as YAML; nothing is kept. 200 whether it is valid or not."""
        try:
            policy = load_policy(
                self._folder / _BODY_NAME, root=self._folder, text=await request.body()
            )
        except PolicyError as error:
            return StructResponse(Validation(valid=False, problems=_problems(error.problems)))
        return StructResponse(Validation(valid=True, problems=[], policy=str(policy.ref)))


def _policy(policy: Policy, *, snapshot: Snapshot, ignored: Sequence[Ignored]) -> PolicyStatus:
    decision = snapshot.decided.get(policy.ref)
    file = snapshot.files.get(policy.name)
    return PolicyStatus(
        name=policy.name,
        sha=policy.sha,
        file=None if file is None else printable(file),
        description=policy.description,
        match=MatchStatus(**policy.match.model_dump(mode="json")),
        rollout=None if policy.rollout is None else policy.rollout.share,
        share=snapshot.share(policy),
        decision=None if decision is None else _decision(decision),
        ignored={item.model: item.settings for item in ignored if item.policy is policy},
    )


def _canary(canary: Canary, look: Entry | None) -> CanaryStatus:
    return CanaryStatus(
        model=canary.model,
        policy=canary.new.name,
        sha=canary.new.sha,
        against=str(canary.old),
        is_probed=canary.is_probed,
        rounds=0 if look is None else look.rounds,
        look=None if look is None else _decision(look),
        figures={} if look is None else look.figures or {},
    )


def _decision(entry: Entry) -> Decision:
    return Decision(entry.step, entry.at.timestamp(), entry.who, entry.why)


def _problems(problems: Sequence[Problem]) -> list[ProblemStatus]:
    return [
        ProblemStatus(
            printable(problem.file),
            printable(problem.message),
            problem.line,
            printable(problem.path),
            printable(str(problem)),
        )
        for problem in problems
    ]


def _probe(report: ProbeReport) -> ProbeStatus:
    harmful, relevance = report.harmful, report.relevance
    return ProbeStatus(
        model=report.model,
        policy=report.policy.name,
        sha=report.policy.sha,
        round=report.round,
        harmful=HarmfulRate(
            harmful.value if harmful.n else None,
            harmful.n,
            harmful.interval.low,
            harmful.interval.high,
        ),
        over_refusal=PlainRate(
            report.over_refusal.value if report.over_refusal.n else None, report.over_refusal.n
        ),
        relevance=MeanScore(relevance.value if relevance.n else None, relevance.n),
        unscored=report.unscored,
        finished_at=report.finished_at,
    )


def _running(probes: Probes) -> RunningProbe | None:
    if probes.running is None:
        return None
    model, policy = probes.running
    return RunningProbe(model, policy.name, policy.sha)
