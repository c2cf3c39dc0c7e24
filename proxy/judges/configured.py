"""From a judge's configuration to the judge, its models included."""

from __future__ import annotations

from typing import assert_never

from proxy.backends.base import Backend
from proxy.backends.config import LlamaCppConfig
from proxy.backends.registry import create as create_backend
from proxy.errors import JudgeError
from proxy.judges import registry
from proxy.judges.bands import Band
from proxy.judges.base import Judge
from proxy.judges.cascade import Cascade
from proxy.judges.combine import KOfN
from proxy.judges.config import (
    CascadeConfig,
    GuardModelConfig,
    JudgeConfig,
    ModelGradedConfig,
    NamedConfig,
    VoteConfig,
)
from proxy.judges.guard_models.base import Format
from proxy.judges.guard_models.formats import FORMATS
from proxy.judges.guard_models.judge import GuardModelJudge
from proxy.judges.model_graded import ModelGradedJudge
from proxy.judges.rubrics import RUBRICS


def build(config: JudgeConfig) -> Judge:
    """The judge, not yet started; starting it starts its models.

    Raises:
        JudgeError: no judge has that name, or the policy file cannot be read.
        ModelLoadError: a package of a backend is missing.
    """
    match config:
        case NamedConfig():
            return registry.create(config.judge)
        case GuardModelConfig():
            return _guard(config)
        case ModelGradedConfig():
            return ModelGradedJudge(
                create_backend(config.model),
                RUBRICS[config.rubric],
                timeout_s=config.timeout_s,
                concurrency=config.concurrency,
            )
        case VoteConfig():
            return KOfN([build(judge) for judge in config.judges], config.k or len(config.judges))
        case CascadeConfig():
            cheap, strong = build(config.cheap), build(config.strong)
            return Cascade(cheap, strong, Band(*config.band), audit_share=config.audit_share)
    assert_never(config)


def _guard(config: GuardModelConfig) -> Judge:
    try:
        form = FORMATS[config.format](config.options())
    except (OSError, UnicodeDecodeError) as error:
        raise JudgeError(f"policy_file {config.policy_file}: {error}. Name a text file.") from error
    backend, form = _prepared(config, form)
    return GuardModelJudge(
        backend,
        form,
        threshold=config.threshold,
        timeout_s=config.timeout_s,
        concurrency=config.concurrency,
        uses_grammar=config.uses_grammar,
    )


def _prepared(config: GuardModelConfig, form: Format) -> tuple[Backend, Format]:
    """In process the format's own frame is the chat template, unless the user gives one."""
    model = config.model
    if not isinstance(model, LlamaCppConfig):
        return create_backend(model), form
    if form.in_process is not None and model.chat_template is None:
        model = model.model_copy(update={"chat_template": form.in_process.chat_template})
    return create_backend(model), form.for_llama_cpp()
