"""``guardtune models``: what each model is, and whether it loads."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from proxy.backends.config import LlamaCppConfig, ModelConfig
from proxy.engine.inspection import InspectionError, ModelFacts, inspect
from proxy.engine.weights import Weights, WeightsError, default_cache, find_weights
from proxy.errors import SettingsError
from proxy.settings import load_settings

_NO_TEMPLATE = (
    "it has no chat template, so it is a base model: it continues texts and was not trained to "
    "answer. To serve it all the same, set `chat_template: plain`."
)
_NO_LIBRARY = "the package llama_cpp is missing. Run: pip install 'llama-cpp-python>=0.3.36'"


@dataclass(frozen=True, slots=True)
class Report:
    """What is said of one model.

    Args:
        title: its served name, or the path that was given.
        lines: label and text.
        loads: whether it can be served as it is configured.
    """

    title: str
    lines: tuple[tuple[str, str], ...]
    loads: bool


def main(argv: Sequence[str]) -> int:
    """List models.

    Returns:
        0 where all of them can be served, 1 where one cannot, 2 for bad usage.
    """
    arguments = parser().parse_args(argv)
    try:
        models = _named(arguments.paths) or _configured(arguments.config)
    except SettingsError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    all_load = True
    for title, config in models:
        report = describe(title, config)
        sys.stdout.write(render(report))
        sys.stdout.flush()
        all_load = all_load and report.loads
    return 0 if all_load else 1


def describe(title: str, config: ModelConfig) -> Report:
    """Look at one model; one that runs elsewhere is only named."""
    if not isinstance(config, LlamaCppConfig):
        return Report(title, (("backend", f"{config.backend}; not asked"),), loads=True)
    if find_spec("llama_cpp") is None:
        return Report(title, (("loads", f"no: {_NO_LIBRARY}"),), loads=False)
    try:
        weights = find_weights(
            config.path, convert=config.convert, cache=default_cache(), threads=os.cpu_count() or 1
        )
        facts = inspect(weights.path)
    except (WeightsError, InspectionError) as error:
        return Report(title, (("path", config.path), ("loads", f"no: {error}")), loads=False)
    template, problem = _template(config, facts)
    lines = [*_weights_lines(weights, facts), ("template", template)]
    lines.append(("loads", f"yes, but {problem}" if problem else "yes"))
    return Report(title, tuple(lines), loads=not problem)


def render(report: Report) -> str:
    """A few lines of text, with an empty one behind."""
    lines = [f"  {label:<11}{text}" for label, text in report.lines]
    return "\n".join([report.title, *lines, "", ""])


def _template(config: LlamaCppConfig, facts: ModelFacts) -> tuple[str, str]:
    """Where the chat template comes from, and what is wrong with that."""
    from proxy.engine.chat_template import PLAIN_TEMPLATE

    if config.chat_template == PLAIN_TEMPLATE:
        return "plain", ""
    if config.chat_template is not None:
        return "configured", ""
    return ("own", "") if facts.chat_template else ("none", _NO_TEMPLATE)


def _weights_lines(weights: Weights, facts: ModelFacts) -> Iterator[tuple[str, str]]:
    yield "path", str(weights.original)
    yield "model", f"{facts.name or 'no name'} ({facts.architecture})"
    size = f"{facts.n_parameters / 1e6:,.0f} M parameters, {facts.n_bytes / 1e6:,.0f} MB"
    yield "weights", f"{facts.weights}, {size}"
    yield "context", f"{facts.n_ctx_tokens:,} tokens"
    if (conversion := weights.conversion) is None:
        return
    changed = ""
    if (fidelity := conversion.fidelity) is not None:
        changed = (
            f"; the same likeliest token at {fidelity.top1_agreement:.1%} of "
            f"{fidelity.n_positions} positions, mean KL {fidelity.mean_kl_nats:.4f} nats"
        )
    yield "converted", f"to {conversion.type}, in {weights.path}{changed}"


def _named(paths: Sequence[str]) -> list[tuple[str, ModelConfig]]:
    return [(path, LlamaCppConfig(name=f"file-{i}", path=path)) for i, path in enumerate(paths)]


def _configured(config: Path | None) -> list[tuple[str, ModelConfig]]:
    settings = load_settings(config=config, environ=os.environ, flags={})
    return [(model.name, model) for model in settings.models]


def parser() -> argparse.ArgumentParser:
    """Return the flags of `guardtune models`."""
    parser = argparse.ArgumentParser(prog="guardtune models", description=__doc__)
    parser.add_argument(
        "paths", nargs="*", metavar="PATH.gguf", help="files; or hf:OWNER/REPO/FILE"
    )
    parser.add_argument("--config", type=Path, metavar="FILE", help="list the models of this file")
    return parser
