"""What a user writes about a judge, told apart by ``kind``; a bare name is a judge of the roster.

```yaml
kind: cascade
cheap: embedded
strong: {kind: guard_model, format: qwen3guard, model: {backend: llama_cpp, name: guard, path: …}}
band: [0.2, 0.8]
```
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    field_validator,
    model_validator,
)

from proxy.backends.config import LlamaCppConfig, ModelConfig
from proxy.domain import CATEGORIES
from proxy.judges.bands import Band
from proxy.judges.cards import Card
from proxy.judges.cascade import AUDIT_SHARE
from proxy.judges.guard_models.base import GrammarUse
from proxy.judges.guard_models.formats import FORMATS, USES, Options
from proxy.judges.registry import JUDGES
from proxy.judges.rubrics import RUBRICS


class _Config(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")


class CardConfig(_Config):
    """A judge's errors on labelled answers, as `guardtune judge calibrate` prints them.

    Args:
        sensitivity: how many were called harmful, of how many labelled harmful.
        specificity: how many were called harmless, of how many labelled harmless.
        set: what they were measured on, in words.
    """

    sensitivity: Annotated[tuple[int, int], Field(strict=False)]
    specificity: Annotated[tuple[int, int], Field(strict=False)]
    set: str = Field(min_length=1)

    @model_validator(mode="after")
    def _counts(self) -> Self:
        self.card()
        return self

    def card(self) -> Card:
        """The same, as judges carry it."""
        return Card(self.sensitivity, self.specificity, self.set)


class _Measured(_Config):
    """What may be known of a judge.

    Args:
        card: its measured errors; rates are then corrected by them, beside the raw ones.
    """

    card: CardConfig | None = None


class _Asked(_Measured):
    """What all judges with a model of their own can be told.

    Args:
        model: the judge's model, as under ``models:``.
        timeout_s: for one call.
        concurrency: calls in flight.
    """

    model: ModelConfig
    timeout_s: float = Field(default=60.0, gt=0, le=3600)
    concurrency: int = Field(default=4, ge=1, le=256)


class NamedConfig(_Config):
    """A judge of the roster, by its name.

    Args:
        judge: the name; where a judge is expected, it may also stand alone.
    """

    kind: Literal["named"] = "named"
    judge: str

    @field_validator("judge")
    @classmethod
    def _is_known(cls, value: str) -> str:
        if value not in JUDGES:
            raise ValueError(f"{value[:80]!r} is no judge. Known: {', '.join(sorted(JUDGES))}")
        return value


class GuardModelConfig(_Asked):
    """A guard model.

    Args:
        format: its language, one of those in docs/judges/guard-models.md.
        mode: what a middle class counts as.
        policy_file: a policy in words, for formats that take any.
        labels: that policy's codes → our categories.
        criterion: a risk's name or a criterion in words, for formats that take one.
        threshold: of the risk, from which an answer is harmful.
        grammar: whether the format's grammar forces the answer into its form: never, only where
            an answer was no clear verdict, or always. By default where it was none on our own
            engine, and never on another server, which may not survive it.
    """

    kind: Literal["guard_model"] = "guard_model"
    format: str
    mode: Literal["strict", "loose"] | None = None
    policy_file: str | None = Field(default=None, min_length=1)
    labels: dict[str, str] | None = None
    criterion: str | None = Field(default=None, min_length=1)
    threshold: float = Field(default=0.5, gt=0, lt=1)
    grammar: GrammarUse | None = None

    @field_validator("format")
    @classmethod
    def _is_known(cls, value: str) -> str:
        if value not in FORMATS:
            raise ValueError(f"{value[:80]!r} is no guard format. Known: {', '.join(FORMATS)}")
        return value

    @field_validator("labels")
    @classmethod
    def _are_categories(cls, value: dict[str, str] | None) -> dict[str, str] | None:
        if unknown := sorted(set((value or {}).values()) - set(CATEGORIES)):
            raise ValueError(f"no such category: {', '.join(unknown)}")
        return value

    @model_validator(mode="after")
    def _uses_its_options(self) -> Self:
        given = {
            "mode": self.mode, "policy": self.policy_file, "labels": self.labels,
            "criterion": self.criterion,
        }  # fmt: skip
        named = {name for name, value in given.items() if value is not None}
        if unused := sorted(named - USES.get(self.format, frozenset())):
            raise ValueError(f"{self.format} does not use {', '.join(unused)}")
        return self

    @property
    def grammar_use(self) -> GrammarUse:
        """What counts where nothing was said."""
        if self.grammar is not None:
            return self.grammar
        return "fallback" if isinstance(self.model, LlamaCppConfig) else "never"

    def options(self) -> Options:
        """What the format is told; reads the policy file."""
        policy = None
        if self.policy_file is not None:
            policy = Path(self.policy_file).read_text(encoding="utf-8")
        return Options(
            mode=self.mode or "strict", policy=policy, labels=self.labels, criterion=self.criterion
        )


class ModelGradedConfig(_Asked):
    """Any chat model with a rubric.

    Args:
        rubric: ``harm`` grades unsafe, relevant and useful; ``strongreject`` how far a harmful
            request was fulfilled.
    """

    kind: Literal["model_graded"] = "model_graded"
    rubric: str = "harm"

    @field_validator("rubric")
    @classmethod
    def _is_known(cls, value: str) -> str:
        if value not in RUBRICS:
            raise ValueError(f"{value[:80]!r} is no rubric. Known: {', '.join(RUBRICS)}")
        return value


class VoteConfig(_Measured):
    """Several judges; ``k`` of them make an answer harmful.

    Args:
        judges: two to nine.
        k: how many have to say so; by default all.
    """

    kind: Literal["vote"] = "vote"
    judges: Annotated[tuple[JudgeConfig, ...], Field(strict=False, min_length=2, max_length=9)]
    k: int | None = Field(default=None, ge=1)

    @model_validator(mode="after")
    def _can_be_reached(self) -> Self:
        if self.k is not None and self.k > len(self.judges):
            raise ValueError(f"k is {self.k}, but there are {len(self.judges)} judges")
        return self


class CascadeConfig(_Measured):
    """A cheap judge, and a strong one for what the cheap one is unsure of.

    Args:
        cheap: asked first, about everything; its score has to mean something.
        strong: its word counts wherever it is asked.
        band: the scores, low and high, between which the strong judge is asked.
        audit_share: of what the cheap judge settles, shown to the strong one all the same.
    """

    kind: Literal["cascade"] = "cascade"
    cheap: JudgeConfig
    strong: JudgeConfig
    band: Annotated[tuple[float, float], Field(strict=False)]
    audit_share: float = Field(default=AUDIT_SHARE, ge=0, le=1)

    @field_validator("band")
    @classmethod
    def _is_a_band(cls, value: tuple[float, float]) -> tuple[float, float]:
        Band(*value)
        return value


KINDS: Final[Mapping[str, type[BaseModel]]] = {
    "named": NamedConfig,
    "guard_model": GuardModelConfig,
    "model_graded": ModelGradedConfig,
    "vote": VoteConfig,
    "cascade": CascadeConfig,
}
"""What ``kind`` may be → the model that checks such a judge."""


def _named(value: Any) -> Any:
    """Read a bare name as the judge of that name."""
    return {"kind": "named", "judge": value} if isinstance(value, str) else value


JudgeConfig = Annotated[
    NamedConfig | GuardModelConfig | ModelGradedConfig | VoteConfig | CascadeConfig,
    Field(discriminator="kind"),
    BeforeValidator(_named),
]
"""One configured judge."""

VoteConfig.model_rebuild()
CascadeConfig.model_rebuild()
