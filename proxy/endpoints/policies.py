"""``GET /policies`` and ``POST /policies/validate``: what is in force, and what is wrong."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from msgspec import to_builtins
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

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
        return JSONResponse(
            {
                "snapshot": snapshot.number,
                "loaded_at": snapshot.loaded_at,
                "last_reload": None if reload is None else reload.result,
                "policies": [
                    _policy(policy, snapshot=snapshot, ignored=ignored)
                    for policy in snapshot.policies
                ],
                "problems": _problems(snapshot.problems),
                "warnings": _problems(snapshot.warnings),
                "probes": [_probe(report) for report in self._probes.reports],
                "probe_history": [_probe(report) for report in reversed(self._probes.history)],
                "probing": _running(self._probes),
                "canaries": [_canary(canary, look) for canary, look in self._rollout.looks],
                "rollout_problem": self._rollout.problem,
            }
        )

    async def validate(self, request: Request) -> Response:
        """Check a policy that is sent as YAML; nothing is kept. 200 whether it is valid or not."""
        try:
            policy = load_policy(
                self._folder / _BODY_NAME, root=self._folder, text=await request.body()
            )
        except PolicyError as error:
            return JSONResponse({"valid": False, "problems": _problems(error.problems)})
        return JSONResponse({"valid": True, "policy": str(policy.ref), "problems": []})


def _policy(policy: Policy, *, snapshot: Snapshot, ignored: Sequence[Ignored]) -> dict[str, Any]:
    decision = snapshot.decided.get(policy.ref)
    return {
        "name": policy.name,
        "sha": policy.sha,
        "file": snapshot.files.get(policy.name),
        "description": policy.description,
        "match": policy.match.model_dump(mode="json"),
        "rollout": None if policy.rollout is None else policy.rollout.share,
        "share": snapshot.share(policy),
        "decision": None if decision is None else _step(decision),
        "ignored": {item.model: item.settings for item in ignored if item.policy is policy},
    }


def _canary(canary: Canary, look: Entry | None) -> dict[str, Any]:
    return {
        "model": canary.model,
        "policy": canary.new.name,
        "sha": canary.new.sha,
        "against": str(canary.old),
        "rounds": 0 if look is None else look.rounds,
        "look": None if look is None else _step(look),
        "figures": {} if look is None or not look.figures else to_builtins(look.figures),
    }


def _step(entry: Entry) -> dict[str, Any]:
    return {
        "step": entry.step,
        "at": entry.at.timestamp(),
        "who": entry.who,
        "why": entry.why,
    }


def _problems(problems: Sequence[Problem]) -> list[dict[str, Any]]:
    return [asdict(problem) | {"text": str(problem)} for problem in problems]


def _probe(report: ProbeReport) -> dict[str, Any]:
    harmful = report.harmful
    return {
        "model": report.model,
        "policy": report.policy.name,
        "sha": report.policy.sha,
        "round": report.round,
        "harmful": {
            "ratio": harmful.value if harmful.n else None,
            "n": harmful.n,
            "lower95": harmful.interval.low,
            "upper95": harmful.interval.high,
        },
        "over_refusal": {
            "ratio": report.over_refusal.value if report.over_refusal.n else None,
            "n": report.over_refusal.n,
        },
        "relevance": {
            "mean": report.relevance.value if report.relevance.n else None,
            "n": report.relevance.n,
        },
        "unscored": report.unscored,
        "finished_at": report.finished_at,
    }


def _running(probes: Probes) -> dict[str, str] | None:
    if probes.running is None:
        return None
    model, policy = probes.running
    return {"model": model, "policy": policy.name, "sha": policy.sha}
