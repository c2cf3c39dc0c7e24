"""Search for a policy that lowers harm, and write it: `guardtune tune`."""

from __future__ import annotations

import argparse
import asyncio
import re
import secrets
import shlex
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path

from proxy.backends.config import ModelConfig
from proxy.backends.registry import capabilities_of
from proxy.errors import GuardTuneError, Problem, SettingsError
from proxy.evaluation.interrupt import INTERRUPTED, interruptible
from proxy.evaluation.model_choice import choose_model
from proxy.evaluation.store import EvaluationStore, Run
from proxy.judges.configured import load_judge
from proxy.suites.loaders import load_suites
from tuner.ablate import ablate, as_lines
from tuner.algorithms import require
from tuner.config import RunConfig, read_base
from tuner.coverage import refuse_gaps
from tuner.export import is_tested, refuse_unexportable, tuned_policy
from tuner.export_command import export, policy_name, write
from tuner.exporter import exported
from tuner.fit import fitted
from tuner.limits import parse_limits
from tuner.opening import Help, opened, refuse_lexical
from tuner.options import HERE, parser
from tuner.presets import PRESETS, Preset
from tuner.record import Record
from tuner.report import command as report_command
from tuner.report.ablation import Path as AblationPath
from tuner.session import run_session
from tuner.space import DEFAULT_SPACE, Space, load_space
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
        "export": export,
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
    also = tuple(choose_model(spec, arguments.config, option="--also") for spec in arguments.also)
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
    suite, judge = load_suites(suites), load_judge(arguments.judge)
    refuse_gaps(suite, limits)
    refuse_lexical(judge, allowed=arguments.allow_lexical)
    _refuse_few_tokens(arguments.tokens, PRESETS[arguments.preset], races=algorithm.races)
    slug = re.sub(r"[^a-z0-9]+", "-", model.name.lower()).strip("-")
    config = RunConfig(
        name=policy_name(arguments.name or f"tuned-{slug}"[:64]),
        preset=arguments.preset,
        model=model.model_dump(mode="json"),
        suites=suites,
        judge=arguments.judge,
        seed=arguments.seed,
        base=read_base(arguments.base),
        out=str(arguments.out),
        algorithm=arguments.algorithm,
        tokens=arguments.tokens,
        writer=None if writer is None else writer.model_dump(mode="json"),
        writer_calls=arguments.writer_calls,
        limits=limits,
        constraints=arguments.constraints,
        allow_lexical=arguments.allow_lexical,
        is_own_space=space != DEFAULT_SPACE,
        space=_space_for(model, text),
    )
    refuse_unexportable(config, suite=suite.id, judge=judge.judge_id)
    return config


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


def _space_for(model: ModelConfig, text: str) -> str:
    """What the model honours of the space; last, since its file may have to be downloaded."""
    found = fitted(text, model, asyncio.run(capabilities_of(model)))
    if found.note:
        sys.stderr.write(f"{found.note}\n")
    return found.text


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


def _work(store: EvaluationStore, run_id: str, helped: Help) -> int:
    """Run or go on, then export and report; on Ctrl-C or SIGTERM say how to resume.

    In this order, since for the report a second judge reads all that was tested.
    """
    try:
        asyncio.run(interruptible(_run(store, run_id, helped)))
    except asyncio.CancelledError:
        sys.stderr.write(
            f"\nStopped. {store.count_answers()} answers are kept in {store.path}. Go on with:\n"
            f"  guardtune tune resume --store {shlex.quote(str(store.path))} --run {run_id}\n"
        )
        return INTERRUPTED
    record = Record.load(store, run_id)
    if is_tested(record):
        write(tuned_policy(record), Path(record.config.out))
    sys.stdout.write(report_command.ended(record, store))
    return 0


async def _run(store: EvaluationStore, run_id: str, helped: Help) -> None:
    config = Record.load(store, run_id).config
    async with opened(config, store, run_id, helped) as session:
        await run_session(session)
