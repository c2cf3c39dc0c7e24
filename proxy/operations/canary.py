"""Which versions are canaries, and of what."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from proxy.domain import PolicyRef
from proxy.operations.target import TargetKey
from proxy.policy.match import offered
from proxy.policy.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class Canary:
    """A version that part of a model's conversations get, beside what the others get.

    Args:
        model: served name.
        new: the version with a share below 1.
        old: the stable version: what is selected where no canary is.
        is_shadow: whether its file gives it to nobody, so that only a person puts it in force.
        is_probed: whether its model is; else nothing is ever known of the canary there.
    """

    model: str
    new: PolicyRef
    old: PolicyRef
    is_shadow: bool = False
    is_probed: bool = True

    @property
    def keys(self) -> tuple[TargetKey, TargetKey]:
        """What is probed: the canary and the stable version."""
        return (self.model, self.new), (self.model, self.old)


def canaries(
    snapshot: Snapshot, *, model: str, key_ids: Iterable[str], is_probed: bool = True
) -> tuple[Canary, ...]:
    """Return a model's canaries, one for each stable version that they stand beside.

    Args:
        snapshot: what is in force.
        model: served name.
        key_ids: ids of all API keys; none where the server asks for no key.
        is_probed: whether the model is.
    """
    found: dict[Canary, None] = {}
    for key_id in tuple(key_ids) or (None,):
        *partly, (stable, _) = offered(snapshot, model, key_id)
        found |= {
            Canary(model, policy.ref, stable.ref, is_shadow=not share, is_probed=is_probed): None
            for policy, share in partly
        }
    return tuple(found)


def canaries_on(
    snapshot: Snapshot, models: Mapping[str, bool], *, key_ids: Iterable[str]
) -> list[Canary]:
    """Return the canaries of several models.

    Args:
        snapshot: what is in force.
        models: served name → whether it is probed.
        key_ids: ids of all API keys.
    """
    ids = tuple(key_ids)
    return [
        canary
        for model, is_probed in models.items()
        for canary in canaries(snapshot, model=model, key_ids=ids, is_probed=is_probed)
    ]
