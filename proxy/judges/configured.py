"""From a judge's name, file or configuration to the judge, its models included.

What reads answers is imported only where it is asked for: its patterns take a tenth of a start.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Final, assert_never, cast

from pydantic import BaseModel

from proxy.backends.base import Backend
from proxy.backends.config import LlamaCppConfig, ModelConfig
from proxy.backends.identity import model_sha256
from proxy.backends.registry import Engines
from proxy.backends.registry import create as create_backend
from proxy.errors import JudgeError, SettingsError
from proxy.judges import registry
from proxy.judges.bands import Band
from proxy.judges.base import Judge
from proxy.judges.cards import Card
from proxy.judges.cascade import Cascade
from proxy.judges.combine import KOfN
from proxy.judges.config import (
    KINDS,
    CascadeConfig,
    GuardModelConfig,
    JudgeConfig,
    ModelGradedConfig,
    NamedConfig,
    VoteConfig,
)
from proxy.judges.guard_models.base import Format
from proxy.judges.guard_models.formats import FORMATS
from proxy.judges.rubrics import RUBRICS
from proxy.policy.diagnostics import validate
from proxy.policy.document import Document
from proxy.policy.source import read_yaml
from proxy.policy.wording import shown
from proxy.upstream.base import UpstreamClient

_Measurable = GuardModelConfig | ModelGradedConfig | VoteConfig | CascadeConfig

Connect = Callable[[ModelConfig], Backend]
"""What makes the backend of a judge's model."""

_FILE_ENDINGS: Final = frozenset({".yaml", ".yml"})


def load_judge(spec: str, *, may_spawn: bool = False) -> Judge:
    """The judge that a command's ``--judge`` names, not yet started.

    Args:
        spec: a name of the roster, or a path to a YAML file with one judge.
        may_spawn: see `build`.

    Raises:
        SettingsError: the file is wrong; every mistake, with file and line.
        JudgeError: nothing has that name.
        ModelLoadError: a package of a backend is missing.
    """
    if spec in registry.JUDGES:
        return registry.create(spec)
    path = Path(spec)
    if path.suffix in _FILE_ENDINGS or path.exists():
        return build(read_judge(path), may_spawn=may_spawn)
    known = ", ".join(sorted(registry.JUDGES))
    raise JudgeError(f"No judge is named {spec[:80]!r}. Known: {known}; or name a YAML file.")


def read_judge(path: Path, *, text: str | None = None) -> JudgeConfig:
    """One judge from a YAML file.

    Args:
        path: the file, named in every mistake as given here.
        text: its content, if it was read already.

    Raises:
        SettingsError: with every mistake, in file order.
    """
    document = read_yaml(path, text=text)
    if isinstance(document.data, str):
        document = replace(document, data={"judge": document.data})
    config: Any = validate(document, _kind(document), error=SettingsError)
    return cast("JudgeConfig", config)


def _kind(document: Document) -> type[BaseModel]:
    """The model that checks a document; without a known kind the complaint is about that alone."""
    if not isinstance(document.data, Mapping):
        return NamedConfig
    kind = document.data.get("kind", "named" if "judge" in document.data else None)
    if isinstance(kind, str) and kind in KINDS:
        return KINDS[kind]
    said = "is required" if kind is None else f"{shown(kind)} is no kind of judge"
    message = f"{said}. Known: {', '.join(KINDS)}."
    raise SettingsError((*document.problems, document.problem(("kind",), message)))


def build(
    config: JudgeConfig,
    *,
    client: UpstreamClient | None = None,
    may_spawn: bool = False,
    engines: Engines | None = None,
) -> Judge:
    """The judge, not yet started; starting it starts its models.

    Args:
        config: checked.
        client: connections that several backends share and the caller closes.
        may_spawn: whether a local model may run in a child process where its configuration says
            so, as under `serve`: an abort of llama.cpp then costs verdicts and not the process.
        engines: gives the backend of such a model; None for a child of its own.

    Raises:
        JudgeError: no judge has that name, or the policy file cannot be read.
        ModelLoadError: a package of a backend is missing.
    """
    return _build(
        config, partial(create_backend, client=client, may_spawn=may_spawn, engines=engines)
    )


def _card(config: _Measurable) -> Card | None:
    return None if config.card is None else config.card.card()


def _build(config: JudgeConfig, connect: Connect) -> Judge:
    match config:
        case NamedConfig():
            return registry.create(config.judge)
        case GuardModelConfig():
            return _guard(config, connect)
        case ModelGradedConfig():
            from proxy.judges.model_graded import ModelGradedJudge

            backend = connect(config.model)
            return ModelGradedJudge(
                backend,
                RUBRICS[config.rubric],
                timeout_s=config.timeout_s,
                concurrency=config.concurrency,
                card=_card(config),
                identify=partial(model_sha256, config.model, backend),
            )
        case VoteConfig():
            judges = [_build(judge, connect) for judge in config.judges]
            return KOfN(judges, config.k or len(judges), card=_card(config))
        case CascadeConfig():
            cheap, strong = _build(config.cheap, connect), _build(config.strong, connect)
            return Cascade(
                cheap,
                strong,
                Band(*config.band),
                audit_share=config.audit_share,
                card=_card(config),
            )
    assert_never(config)


def _guard(config: GuardModelConfig, connect: Connect) -> Judge:
    from proxy.judges.guard_models.judge import GuardModelJudge

    try:
        form = FORMATS[config.format](config.options())
    except (OSError, UnicodeDecodeError) as error:
        raise JudgeError(f"policy_file {config.policy_file}: {error}. Name a text file.") from error
    model = config.model
    if isinstance(model, LlamaCppConfig):
        model, form = _framed(model, form), form.for_llama_cpp()
    backend = connect(model)
    return GuardModelJudge(
        backend,
        form,
        threshold=config.threshold,
        timeout_s=config.timeout_s,
        concurrency=config.concurrency,
        grammar=config.grammar_use,
        card=_card(config),
        identify=partial(model_sha256, model, backend),
    )


def _framed(model: LlamaCppConfig, form: Format) -> LlamaCppConfig:
    """On our engine the format's own frame is the chat template, unless the user gives one."""
    if form.in_process is None or model.chat_template is not None:
        return model
    return model.model_copy(update={"chat_template": form.in_process.chat_template})
