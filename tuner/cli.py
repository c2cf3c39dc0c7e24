"""Search for a policy that lowers harm, and write it: `guardtune tune`."""

from __future__ import annotations

import argparse
import asyncio
import re
import secrets
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path

from proxy.backends.config import ModelConfig
from proxy.errors import GuardTuneError, Problem, SettingsError
from proxy.evaluation.interrupt import INTERRUPTED, interruptible
from proxy.evaluation.model_choice import choose_model
from proxy.evaluation.store import EvaluationStore, Run
from proxy.judges.configured import load_judge
from proxy.policy.schema import Policy, Rollout
from proxy.suites.loaders import load_suites
from tuner.ablate import ablate, as_lines
from tuner.algorithms import require
from tuner.config import RunConfig, read_base
from tuner.export import is_tested, shadow_name, tuned_policy, why_not
from tuner.exporter import exported
from tuner.limits import parse_limits
from tuner.opening import Help, opened, refuse_lexical
from tuner.options import HERE, parser
from tuner.policy_file import last_exported, undo, write_policy
from tuner.presets import PRESETS, Preset
from tuner.record import Record
from tuner.report import command as report_command
from tuner.report.ablation import Path as AblationPath
from tuner.session import run_session
from tuner.space import Space, load_space
from tuner.stopping import stop_file


def main(argv: Sequence[str] | None = None) -> int:
    """Run one sub-command.

    Returns:
        0 when it did its work, a policy exported or not; 2 where something of the user's is wrong
        or a model or store failed; 130 after Ctrl-C or SIGTERM.
    """
    actions: dict[str, Callable[[argparse.Namespace], int]] = {
        "run": _start,
        "resume": _resume,
        "report": report_command.report,
        "ablate": _ablate,
        "export": _export,
    }
    arguments = parser(__doc__).parse_args(argv)
    try:
        return actions[arguments.action](arguments)
    except GuardTuneError as error:
        sys.stderr.write(f"{error}\n")
        return 2


def _start(arguments: argparse.Namespace) -> int:
    config, helped = _config(arguments), _help(arguments)
    now = time.time()
    stamp = f"{datetime.fromtimestamp(now, UTC):%Y%m%d-%H%M%S}"
    run_id = f"{stamp}-{secrets.token_hex(2)}"
    _refuse_stopped(arguments.store)
    with EvaluationStore(arguments.store) as store:
        store.add_run(Run(run_id, now, config.as_json()))
        with exported(store, run_id, arguments.metrics_port):
            return _work(store, run_id, helped)


def _refuse_stopped(store: Path) -> None:
    """Refuse to start where a stop file was left behind: it would end the search at once.

    Raises:
        SettingsError: it is there. A resumed run heeds it instead, since that may be what is meant.
    """
    if (left := stop_file(store)).exists():
        message = "is there already, and would end the search at once. Remove it first."
        raise SettingsError((Problem(str(left), message),))


def _resume(arguments: argparse.Namespace) -> int:
    helped = _help(arguments)
    with EvaluationStore(arguments.store) as store:
        record = Record.load(store, arguments.run, unfinished=True)
        with exported(store, record.run.id, arguments.metrics_port):
            return _work(store, record.run.id, helped)


def _help(arguments: argparse.Namespace) -> Help:
    """Who answers beside this process, as far as that can be checked before anything starts."""
    config: Path | None = getattr(arguments, "config", None)
    also = tuple(choose_model(spec, config) for spec in arguments.also)
    if arguments.ray is None:
        return Help(also=also, concurrency=arguments.concurrency)
    if find_spec("ray") is None:
        message = 'the package ray is missing. Run: pip install "guardtune[ray]"'
        raise SettingsError((Problem("--ray", message),))
    address = None if arguments.ray == HERE else arguments.ray
    return Help(concurrency=arguments.concurrency, workers=arguments.workers, address=address)


def _ablate(arguments: argparse.Namespace) -> int:
    with EvaluationStore(arguments.store) as store:
        record = Record.load(store, arguments.run)
        try:
            path = asyncio.run(interruptible(_path(store, record, arguments.minutes)))
        except asyncio.CancelledError:
            sys.stderr.write("\nStopped; the same command goes on from here.\n")
            return INTERRUPTED
    sys.stdout.write(as_lines(path))
    return 0


async def _path(store: EvaluationStore, record: Record, minutes: float) -> AblationPath:
    config = replace(record.config, writer=None)  # whatever it wrote is in the journal
    async with opened(config, store, record.run.id) as session:
        return await ablate(session, minutes=minutes)


def _export(arguments: argparse.Namespace) -> int:
    with EvaluationStore(arguments.store, read_only=True) as store:
        record = Record.load(store, arguments.run)
    name = None if arguments.name is None else _policy_name(arguments.name)
    folder = arguments.out or Path(record.config.out)
    if arguments.undo:
        sys.stdout.write(f"{undo(_exported(record, name, folder))}\n")
        return 0
    policy = tuned_policy(record, name=name, force=arguments.force, canary=arguments.canary)
    _write(policy, folder)
    if arguments.canary is not None and policy.rollout == Rollout(share=0.0):
        sys.stdout.write(
            f"--canary {arguments.canary:g} was left out, because {why_not(record)}. With --force "
            "they get it all the same.\n"
        )
    return 0


def _exported(record: Record, name: str | None, folder: Path) -> Path:
    """The file that an export of the run wrote last: its policy, or its shadow."""
    own = record.config.name
    names = (own, shadow_name(own)) if name is None else (name,)
    paths = [folder / f"{one}.yaml" for one in names]
    return last_exported(paths) or paths[0]


def _config(arguments: argparse.Namespace) -> RunConfig:
    """Read and check everything before the first answer is paid for."""
    algorithm, limits = require(arguments.algorithm), parse_limits(arguments.limit)
    space: Path = arguments.space
    try:
        text = space.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError((Problem(str(space), f"cannot be read ({error})."),)) from error
    load_space(space, text=text)
    model = choose_model(arguments.model, arguments.config)
    text = algorithm.within(text)
    writer = _writer(arguments, load_space(space, text=text))
    suites = tuple(arguments.suite or ["builtin"])
    load_suites(suites)
    refuse_lexical(load_judge(arguments.judge), allowed=arguments.allow_lexical)
    _refuse_few_tokens(arguments.tokens, PRESETS[arguments.preset], races=algorithm.races)
    slug = re.sub(r"[^a-z0-9]+", "-", model.name.lower()).strip("-")
    return RunConfig(
        name=_policy_name(arguments.name or f"tuned-{slug}"[:64]),
        preset=arguments.preset,
        model=model.model_dump(mode="json"),
        suites=suites,
        judge=arguments.judge,
        seed=arguments.seed,
        space=text,
        base=read_base(arguments.base),
        out=str(arguments.out),
        algorithm=arguments.algorithm,
        tokens=arguments.tokens,
        writer=None if writer is None else writer.model_dump(mode="json"),
        writer_calls=arguments.writer_calls,
        limits=limits,
        constraints=arguments.constraints,
        allow_lexical=arguments.allow_lexical,
    )


def _refuse_few_tokens(tokens: int | None, preset: Preset, *, races: bool) -> None:
    """The base policy has to answer, and one candidate beside it."""
    base = preset.second[0].prompts * preset.max_tokens
    least = base + preset.least_tokens(races=races)
    if tokens is not None and tokens < least:
        message = (
            f"{tokens} are too few: the base policy and one candidate may take {least} with "
            f"--preset {preset.name}. Give more, or leave this out."
        )
        raise SettingsError((Problem("--tokens", message),))


def _writer(arguments: argparse.Namespace, space: Space) -> ModelConfig | None:
    """The model that writes texts, if there is to be one and it has anything to write for."""
    spec: str | None = arguments.writer
    if spec is None:
        if arguments.writer_calls is not None:
            message = f"{arguments.writer_calls} without a --writer. Name one, or leave this out."
            raise SettingsError((Problem("--writer-calls", message),))
        return None
    if not space.slots:
        message = (
            f"{spec[:80]} has nothing to write for, as --algorithm {arguments.algorithm} with this "
            "--space has no slots. Leave it out, or choose another algorithm or space."
        )
        raise SettingsError((Problem("--writer", message),))
    return choose_model(spec, arguments.config, option="--writer")


def _policy_name(name: str) -> str:
    if not re.fullmatch(r"[a-z0-9-]{1,64}", name) or name == "passthrough":
        message = f'"{name[:80]}" cannot name a policy. Use a-z, 0-9 and -, at most 64.'
        raise SettingsError((Problem("--name", message),))
    return name


def _work(store: EvaluationStore, run_id: str, helped: Help) -> int:
    """Run or go on, then report and export; on Ctrl-C or SIGTERM say how to resume."""
    try:
        asyncio.run(interruptible(_run(store, run_id, helped)))
    except asyncio.CancelledError:
        sys.stderr.write(
            f"\nStopped. {store.count_answers()} answers are kept in {store.path}. Go on with:\n"
            f"  guardtune tune resume --store {store.path} --run {run_id}\n"
        )
        return INTERRUPTED
    record = Record.load(store, run_id)
    sys.stdout.write(report_command.ended(record, store))
    if is_tested(record):
        _write(tuned_policy(record), Path(record.config.out))
    return 0


def _write(policy: Policy, folder: Path) -> None:
    """Write a policy file and say what will become of it."""
    path = write_policy(policy, folder)
    sys.stdout.write(f"Wrote {path} ({policy.ref}).\n")
    if policy.rollout is not None and not policy.rollout.share:
        sys.stdout.write(
            "It is a shadow: a proxy that reads this folder measures it beside what is in force "
            f"and gives it to nobody, until `guardtune policy promote {policy.name}`.\n"
        )


async def _run(store: EvaluationStore, run_id: str, helped: Help) -> None:
    config = Record.load(store, run_id).config
    async with opened(config, store, run_id, helped) as session:
        await run_session(session)
