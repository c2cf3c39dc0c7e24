"""Search for a policy that lowers harm, and write it: `guardtune tune run|resume|report|export`."""

from __future__ import annotations

import argparse
import asyncio
import re
import secrets
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

from proxy.backends import registry as backends
from proxy.errors import GuardTuneError, Problem, SettingsError
from proxy.evaluation.identity import model_sha256
from proxy.evaluation.interrupt import INTERRUPTED, interruptible
from proxy.evaluation.model_choice import choose_model, in_flight, wide
from proxy.evaluation.store import EvaluationStore, Run
from proxy.judges.configured import load_judge
from proxy.suites.loaders import load_suites
from tuner.config import RunConfig, read_base
from tuner.export import tuned_policy, why_not, write_policy
from tuner.presets import PRESETS
from tuner.record import Record
from tuner.report import as_text
from tuner.report import command as report_command
from tuner.session import Session, run_session
from tuner.space import DEFAULT_SPACE, load_space


def main(argv: Sequence[str] | None = None) -> int:
    """Run one sub-command.

    Returns:
        0 when it did its work, a policy exported or not; 2 where something of the user's is wrong
        or a model or store failed; 130 after Ctrl-C or SIGTERM.
    """
    arguments = _parser().parse_args(argv)
    try:
        code: int = arguments.action(arguments)
    except GuardTuneError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="guardtune tune", description=__doc__)
    actions = parser.add_subparsers(required=True, metavar="run|resume|report|export")

    run = actions.add_parser("run", help="start a search; exports what holds up")
    run.add_argument("--preset", choices=sorted(PRESETS), default="quick")
    run.add_argument(
        "--model",
        help="embedded, PATH.gguf, hf:OWNER/REPO/FILE, URL#NAME, or a name of --config",
    )
    run.add_argument("--config", type=Path, help="the server's configuration, for its models")
    run.add_argument(
        "--suite", action="append", metavar="NAME[:PATH]",
        help="prompts, such as builtin or catqa-en:PATH; may be repeated (default: builtin)",
    )  # fmt: skip
    run.add_argument("--base", type=Path, help="the policy to improve; by default none at all")
    run.add_argument("--space", type=Path, default=DEFAULT_SPACE, help="the library to combine")
    run.add_argument("--seed", type=int, default=1)
    run.add_argument("--judge", default="embedded", help="a name, or a YAML file with one")
    run.add_argument("--name", help="of the exported policy (default: tuned-MODEL)")
    run.add_argument("--out", type=Path, default=Path("policies/tuned"))
    _add_store(run)
    run.set_defaults(action=_start)

    resume = actions.add_parser("resume", help="go on with an interrupted run")
    _add_store(resume)
    _add_run(resume)
    resume.set_defaults(action=_resume)

    report = actions.add_parser("report", help="show what a run found, as text, JSON or a page")
    report_command.add_arguments(report)
    _add_store(report)
    _add_run(report)
    report.set_defaults(action=report_command.report)

    export = actions.add_parser("export", help="write a run's policy again, or by force")
    export.add_argument("--name", help="of the policy (default: the run's)")
    export.add_argument("--out", type=Path, help="folder (default: the run's)")
    export.add_argument("--force", action="store_true", help="even if it has not held up")
    _add_store(export)
    _add_run(export)
    export.set_defaults(action=_export)
    return parser


def _add_store(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--store", type=Path, default=Path("var/tune.sqlite"))


def _add_run(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--run", help="id of the run; by default the latest that fits")


def _start(arguments: argparse.Namespace) -> int:
    config = _config(arguments)
    now = time.time()
    stamp = f"{datetime.fromtimestamp(now, UTC):%Y%m%d-%H%M%S}"
    run_id = f"{stamp}-{secrets.token_hex(2)}"
    with EvaluationStore(arguments.store) as store:
        store.add_run(Run(run_id, now, config.as_json()))
        return _work(store, run_id)


def _resume(arguments: argparse.Namespace) -> int:
    with EvaluationStore(arguments.store) as store:
        record = Record.load(store, arguments.run, unfinished=True)
        return _work(store, record.run.id)


def _export(arguments: argparse.Namespace) -> int:
    with EvaluationStore(arguments.store, read_only=True) as store:
        record = Record.load(store, arguments.run)
    name = None if arguments.name is None else _policy_name(arguments.name)
    policy = tuned_policy(record, name=name, force=arguments.force)
    path = write_policy(policy, arguments.out or Path(record.config.out))
    sys.stdout.write(f"Wrote {path} ({policy.ref}).\n")
    return 0


def _config(arguments: argparse.Namespace) -> RunConfig:
    """Read and check everything before the first answer is paid for."""
    space: Path = arguments.space
    try:
        text = space.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError((Problem(str(space), f"cannot be read ({error})."),)) from error
    load_space(space, text=text)
    model = choose_model(arguments.model, arguments.config)
    suites = tuple(arguments.suite or ["builtin"])
    load_suites(suites)
    load_judge(arguments.judge)
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
    )


def _policy_name(name: str) -> str:
    if not re.fullmatch(r"[a-z0-9-]{1,64}", name) or name == "passthrough":
        message = f'"{name[:80]}" cannot name a policy. Use a-z, 0-9 and -, at most 64.'
        raise SettingsError((Problem("--name", message),))
    return name


def _work(store: EvaluationStore, run_id: str) -> int:
    """Run or go on, then report and export; on Ctrl-C or SIGTERM say how to resume."""
    try:
        asyncio.run(interruptible(_run(store, run_id)))
    except asyncio.CancelledError:
        sys.stderr.write(
            f"\nStopped. {store.count_answers()} answers are kept in {store.path}. Go on with:\n"
            f"  guardtune tune resume --store {store.path} --run {run_id}\n"
        )
        return INTERRUPTED
    record = Record.load(store, run_id)
    sys.stdout.write(as_text(record))
    if why_not(record) is None:
        policy = tuned_policy(record)
        path = write_policy(policy, Path(record.config.out))
        sys.stdout.write(f"Wrote {path} ({policy.ref}).\n")
    return 0


async def _run(store: EvaluationStore, run_id: str) -> None:
    config = Record.load(store, run_id).config
    async with _session(config, store, run_id) as session:
        await run_session(session)


@asynccontextmanager
async def _session(
    config: RunConfig, store: EvaluationStore, run_id: str
) -> AsyncIterator[Session]:
    """Start the model and the judge, and close them in whatever way the run ends."""
    model = wide(config.model_config)
    backend = backends.create(model)
    judge = load_judge(config.judge)
    try:
        await backend.start()
        await judge.start()
        yield Session(
            config=config,
            preset=PRESETS[config.preset],
            run_id=run_id,
            store=store,
            backend=backend,
            judge=judge,
            suite=load_suites(config.suites),
            model_sha256=await asyncio.to_thread(model_sha256, model, backend),
            concurrency=in_flight(model),
            stream=sys.stderr,
        )
    finally:
        await judge.close()
        await backend.close()
