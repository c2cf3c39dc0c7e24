"""What can be typed after `guardtune tune`."""

from __future__ import annotations

import argparse
from pathlib import Path

from tuner.algorithms import ALGORITHMS, DEFAULT
from tuner.lagrangian import HANDLINGS
from tuner.limit_wording import HANDLED
from tuner.limits import SPECS
from tuner.presets import PRESETS
from tuner.report import command as report_command
from tuner.space import DEFAULT_SPACE

HERE = "here"
"""``--ray`` without an address."""

_LAST_PORT = 65535


def parser(about: str | None) -> argparse.ArgumentParser:
    """The whole command; ``action`` of what it parses names the sub-command.

    Args:
        about: what the command is for.
    """
    whole = argparse.ArgumentParser(prog="guardtune tune", description=about)
    actions = whole.add_subparsers(
        dest="action", required=True, metavar="run|resume|report|ablate|export"
    )

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
    run.add_argument("--seed", type=_seed, default=1)
    run.add_argument(
        "--algorithm",
        choices=list(ALGORITHMS),
        default=DEFAULT,
        metavar="NAME",
        help="how to search: " + "; ".join(f"{n}, {a.about}" for n, a in ALGORITHMS.items()),
    )
    run.add_argument(
        "--tokens",
        type=_positive,
        metavar="N",
        help="the most tokens that the search may take, recalled answers included; what comes "
        "after the search is on top",
    )
    run.add_argument("--judge", default="embedded", help="a name, or a YAML file with one")
    _add_limits(run)
    _add_writer(run)
    run.add_argument("--name", help="of the exported policy (default: tuned-MODEL)")
    run.add_argument("--out", type=Path, default=Path("policies/tuned"))
    _add_help(run)
    _add_metrics(run)
    _add_store(run)

    resume = actions.add_parser("resume", help="go on with an interrupted run")
    resume.add_argument(
        "--config", type=Path, help="the configuration that names after --also are looked up in"
    )
    _add_help(resume)
    _add_metrics(resume)
    _add_store(resume)
    _add_run(resume)

    report = actions.add_parser("report", help="show what a run found, as text, JSON or a page")
    report_command.add_arguments(report)
    _add_store(report)
    _add_run(report)

    ablation = actions.add_parser("ablate", help="answer the steps from the baseline to the best")
    ablation.add_argument("--minutes", type=float, default=10.0, help="to spend (default: 10)")
    _add_store(ablation)
    _add_run(ablation)

    export = actions.add_parser("export", help="write a run's policy again, or by force")
    export.add_argument("--name", help="of the policy (default: the run's)")
    export.add_argument("--out", type=Path, help="folder (default: the run's)")
    export.add_argument("--force", action="store_true", help="even if it has not held up")
    way = export.add_mutually_exclusive_group()
    way.add_argument(
        "--canary", type=_share, metavar="SHARE",
        help="for this share of conversations, such as 0.1; the others keep what they have: where "
             "NAME.yaml holds another policy, it is written beside that, as NAME-canary.yaml",
    )  # fmt: skip
    way.add_argument(
        "--undo", action="store_true", help="put back the file from before the last export"
    )
    _add_store(export)
    _add_run(export)
    return whole


def _add_help(parser: argparse.ArgumentParser) -> None:
    """Who answers beside this process: said anew with each session, since it decides nothing."""
    others = parser.add_mutually_exclusive_group()
    others.add_argument(
        "--also", action="append", default=[], metavar="MODEL",
        help="another server of the same model, such as URL#NAME; may be repeated",
    )  # fmt: skip
    others.add_argument(
        "--ray", nargs="?", const=HERE, metavar="ADDRESS",
        help="have workers of a Ray cluster answer; without an address, of one on this machine",
    )  # fmt: skip
    parser.add_argument(
        "--workers", type=_positive, default=2, metavar="N",
        help="of --ray, each with a model of its own (default: 2)",
    )  # fmt: skip
    parser.add_argument(
        "--concurrency", type=_positive, metavar="N",
        help="answers in flight at once, at each server or worker",
    )  # fmt: skip


def _add_limits(run: argparse.ArgumentParser) -> None:
    """What the policy that is searched for may cost, and how that is held."""
    run.add_argument(
        "--limit", action="append", default=[], metavar="NAME=VALUE",
        help="what a policy may cost, such as over-refusal=10%% or length-least=0.7; may be "
             "repeated: " + "; ".join(f"{n}, {spec.about}" for n, spec in SPECS.items()),
    )  # fmt: skip
    run.add_argument(
        "--constraints", choices=list(HANDLINGS), default=HANDLINGS[0],
        help="how the search treats limits: " + "; ".join(f"{n}, {t}" for n, t in HANDLED.items()),
    )  # fmt: skip
    run.add_argument(
        "--allow-lexical", action="store_true",
        help="let relevance be judged by words alone, and say so in the result",
    )  # fmt: skip


def _add_writer(run: argparse.ArgumentParser) -> None:
    run.add_argument(
        "--writer", metavar="MODEL",
        help="have another model write texts for the system prompt, named as after --model "
             "(default: nobody)",
    )  # fmt: skip
    run.add_argument(
        "--writer-calls", type=_positive, metavar="N",
        help="ask it N times at most (default: once for every eight children)",
    )  # fmt: skip


def _add_metrics(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--metrics-port", type=_port, metavar="PORT",
        help="answer Prometheus on this port of the loopback while the run goes on; 0 takes any",
    )  # fmt: skip


def _add_store(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--store", type=Path, default=Path("var/tune.sqlite"))


def _add_run(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--run", help="id of the run; by default the latest that fits")


def _positive(typed: str) -> int:
    """At least 1; argparse says so otherwise."""
    if (number := int(typed)) < 1:
        raise argparse.ArgumentTypeError(f"{typed} is not above 0")
    return number


def _port(typed: str) -> int:
    """From 0 to 65535; argparse says so otherwise."""
    if not 0 <= (port := int(typed)) <= _LAST_PORT:
        raise argparse.ArgumentTypeError(f"{typed} is not from 0 to {_LAST_PORT}")
    return port


def _seed(typed: str) -> int:
    """At least 0; argparse says so otherwise."""
    if (number := int(typed)) < 0:
        raise argparse.ArgumentTypeError(f"{typed} is below 0")
    return number


def _share(typed: str) -> float:
    """Above 0 and up to 1; argparse says so otherwise."""
    if not 0 < (share := float(typed)) <= 1:
        raise argparse.ArgumentTypeError(f"{typed} is not above 0 and at most 1")
    return share
