"""The roster of guard formats: a name in the configuration → what makes the format."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from proxy.judges.guard_models.base import Format
from proxy.judges.guard_models.gpt_oss_safeguard import gpt_oss_safeguard
from proxy.judges.guard_models.granite_guardian import granite_guardian
from proxy.judges.guard_models.harmbench import harmbench, harmbench_mistral
from proxy.judges.guard_models.llama_guard import llama_guard
from proxy.judges.guard_models.md_judge import md_judge
from proxy.judges.guard_models.nemoguard import nemoguard
from proxy.judges.guard_models.qwen3guard import Mode, qwen3guard
from proxy.judges.guard_models.shieldgemma import shieldgemma
from proxy.judges.guard_models.strongreject import strongreject
from proxy.judges.guard_models.wildguard import wildguard


@dataclass(frozen=True, slots=True)
class Options:
    """What a format can be told; each reads what concerns it.

    Args:
        mode: what a middle class counts as (Qwen3Guard).
        policy: the policy's text (gpt-oss-safeguard).
        labels: the policy's category codes → `proxy.domain.CATEGORIES` (gpt-oss-safeguard).
        criterion: a risk's name or a criterion in words (Granite Guardian).
    """

    mode: Mode = "strict"
    policy: str | None = None
    labels: Mapping[str, str] | None = None
    criterion: str | None = None


FORMATS: Final[Mapping[str, Callable[[Options], Format]]] = {
    "gpt_oss_safeguard": lambda o: gpt_oss_safeguard(o.policy, labels=o.labels),
    "granite_guardian_3": lambda o: granite_guardian("3", criterion=o.criterion),
    "granite_guardian_3.3": lambda o: granite_guardian("3.3", criterion=o.criterion),
    "granite_guardian_4": lambda o: granite_guardian("4", criterion=o.criterion),
    "harmbench": lambda _: harmbench(),
    "harmbench_mistral": lambda _: harmbench_mistral(),
    "llama_guard_2": lambda _: llama_guard("2"),
    "llama_guard_3": lambda _: llama_guard("3"),
    "llama_guard_4": lambda _: llama_guard("4"),
    "md_judge": lambda _: md_judge(),
    "nemoguard": lambda _: nemoguard(),
    "qwen3guard": lambda o: qwen3guard(o.mode),
    "shieldgemma": lambda _: shieldgemma(),
    "strongreject": lambda _: strongreject(),
    "wildguard": lambda _: wildguard(),
}
"""Every format there is, under the name that configuration uses."""

USES: Final[Mapping[str, frozenset[str]]] = {
    "gpt_oss_safeguard": frozenset({"policy", "labels"}),
    "granite_guardian_3": frozenset({"criterion"}),
    "granite_guardian_3.3": frozenset({"criterion"}),
    "granite_guardian_4": frozenset({"criterion"}),
    "qwen3guard": frozenset({"mode"}),
}
"""Which options a format reads; any other is a mistake to report."""
