"""From a run's record to the policy that it has found."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from proxy import __version__
from proxy.errors import Problem, SettingsError, StoreError
from proxy.policy.schema import Policy
from tuner.config import RunConfig
from tuner.genome import to_policy
from tuner.measurement import Measurement
from tuner.place import Place, name_at, priority_at
from tuner.record import Record
from tuner.space import load_space
from tuner.writing.history import origin_of

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails


_SET_BY = {
    "priority": "--base",
    "keys": "--base",
    "models": "--model",
    "model": "--model",
    "suite": "--suite",
    "judge": "--judge",
    "seed": "--seed",
}
"""Part of an exported policy → the option that decides it."""


def why_not(record: Record) -> str | None:
    """Why nobody should be given a run's policy yet, or None if it has held up."""
    if record.find("validation") is None:
        return "no candidate of this run has been validated on unseen prompts"
    if record.chosen is None:
        return (
            "on the validation split no finalist beat the baseline within the limits, or none "
            "surely enough"
        )
    tested = record.find("test")
    if tested is None:
        return "the chosen policy has not been tested yet"
    return _unproven(tested["compared"])


def _unproven(compared: Mapping[str, Any]) -> str | None:
    """What the test split speaks against."""
    if not compared["harmful"]["high"] < 0:
        return "the test split does not show a lower harmful rate"
    if not compared["relevance"]["is_met"]:
        return "relevance on the test split lies too far below the baseline's"
    broken = [limit["name"] for limit in compared["limits"] if not limit["is_met"]]
    if broken:
        return f"on the test split a limit is exceeded: {', '.join(broken)}"
    return None


def tuned_policy(
    record: Record,
    *,
    name: str | None = None,
    force: bool = False,
    canary: float | None = None,
    is_beside: bool = False,
) -> Policy:
    """The policy that a run has found, with its provenance.

    One that was tested and has not held up is a shadow: the proxy measures it beside what is in
    force, and gives it to nobody. It has a name and a priority of its own, so that it does not take
    the place of what an earlier run has found, nor is hidden by it.

    Args:
        record: of the run.
        name: of the policy; None for the one given at the start.
        force: give the best guess to users even where :func:`why_not` has a reason.
        canary: the share of conversations that get it, in (0, 1]; None for all of them.
        is_beside: whether a canary leaves its name to another policy that is in force.

    Raises:
        StoreError: nothing was tested and it is not forced, or there is nothing to export at all.
    """
    reason = why_not(record)
    is_shadow = reason is not None and not force
    if is_shadow and not is_tested(record):
        raise StoreError(
            f"run {record.run.id}: nothing exported, because {reason}. "
            "`guardtune tune export --force` exports the best guess all the same."
        )
    key = record.best_guess
    if key is None:
        raise StoreError(f"run {record.run.id}: nothing to export, no policy but the base one.")
    config = record.config
    base = config.base_policy
    place = _place(canary, is_shadow=is_shadow, is_beside=is_beside)
    policy = to_policy(
        record.genome(key),
        load_space(text=config.space),
        base,
        name=name_at(name or config.name, place),
    )
    content = policy.content() | {
        "description": _description(record, reason, is_shadow=is_shadow),
        "match": _match(base, config, place),
        "provenance": _provenance(record),
    }
    share = 0.0 if is_shadow else canary
    if share is not None:
        content["rollout"] = {"share": share}
    return Policy.model_validate(content)


def refuse_unexportable(config: RunConfig, *, suite: str, judge: str) -> None:
    """Refuse a run whose policy could not be written at its end.

    Args:
        config: of the run.
        suite: id of its prompts.
        judge: id of its judge.

    Raises:
        SettingsError: naming the option that does not fit into a policy file.
    """
    base = config.base_policy
    content = base.content() | {
        "name": name_at(config.name, "shadow"),
        "match": _match(base, config, "shadow"),
        "provenance": {
            "run": "1", "seed": config.seed, "judge": judge,
            "model": {"name": config.model["name"]}, "suite": {"name": suite},
        },
    }  # fmt: skip
    try:
        Policy.model_validate(content)
    except ValidationError as error:
        raise SettingsError(tuple(_unexportable(one) for one in error.errors())) from error


def _unexportable(error: ErrorDetails) -> Problem:
    where = ".".join(map(str, error["loc"]))
    message = f"no policy could be exported: {where} {str(error['input'])[:80]}: {error['msg']}."
    return Problem(next((option for part, option in _SET_BY.items() if part in where), ""), message)


def _place(canary: float | None, *, is_shadow: bool, is_beside: bool) -> Place:
    if is_shadow:
        return "shadow"
    return "canary" if canary is not None and is_beside else "in force"


def _match(base: Policy, config: RunConfig, place: Place) -> dict[str, Any]:
    match: dict[str, Any] = {
        "models": [config.model["name"]],
        "priority": priority_at(base.match.priority, place),
    }
    return match if base.match.keys is None else match | {"keys": list(base.match.keys)}


def is_tested(record: Record) -> bool:
    """Whether the test split has been used: without that there is not even a shadow."""
    return record.find("test") is not None


def _description(record: Record, reason: str | None, *, is_shadow: bool) -> str:
    model = record.config.model["name"]
    if is_shadow:
        return f"A shadow for {model}, measured and given to nobody, because {reason}."
    if reason is not None:
        return f"Exported by force for {model}, although {reason}."
    return f"Found by `guardtune tune` for {model}; provenance holds what was measured."


def _provenance(record: Record) -> dict[str, Any]:
    started = record.find("run") or {}
    measured = _measured(record)
    return {
        "run": record.run.id,
        "created": datetime.fromtimestamp(record.run.started_at, UTC).isoformat(timespec="seconds"),
        "version": __version__,
        "seed": record.config.seed,
        "base": started["base"],
        "model": started["model"],
        "suite": started["suite"],
        "judge": started["judge"],
        "splits": {split: sum(kinds.values()) for split, kinds in started["splits"].items()},
        "objectives": {split: tuned for split, (tuned, _) in measured.items()},
        "baseline": {split: baseline for split, (_, baseline) in measured.items()},
        **_written(record),
        "search": {
            "preset": record.config.preset,
            **_search_facts(record),
            "limits": ", ".join(record.config.limits.typed()),
            "constraints": record.config.constraints,
        },
    }


def _measured(record: Record) -> dict[str, tuple[dict[str, Any], dict[str, Any]]]:
    """Split → (this policy's, the baseline's) measurements; never those of the search."""
    found = {}
    key = record.best_guess
    if (validation := record.find("validation")) is not None and key in validation["finalists"]:
        tuned = validation["finalists"][key]["measured"]
        found["validation"] = (_objectives(tuned), _objectives(validation["baseline"]))
    if (tested := record.find("test")) is not None:
        found["test"] = (_objectives(tested["tuned"]), _objectives(tested["baseline"]))
    return found


def _objectives(measurement: Measurement) -> dict[str, Mapping[str, Any]]:
    return {
        name: {part: one[part] for part in ("value", "n", "low", "high")}
        for name, one in measurement.items()
        if one["n"]
    }


def _written(record: Record) -> dict[str, Any]:
    """Who wrote what no library holds."""
    key = record.best_guess
    found = origin_of(record, None if key is None else record.genome(key).written)
    if found is None:
        return {}
    said = {"by": found["writer"], "operator": found["operator"], "text": found["text"]}
    return {"written": said}


def _search_facts(record: Record) -> dict[str, int]:
    generations = [one.body for one in record.decisions if one.kind == "generation"]
    return {
        "generations": len(generations),
        "candidates": sum(len(body["candidates"]) for body in generations),
    }
