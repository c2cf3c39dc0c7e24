"""A policy's beginning is computed when the policy comes into force, not when its first user does.

System prompt and demonstrations are most of a short prompt. A local engine keeps them once they are
computed, so one request a policy, at background priority, spares the first user the wait.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence

from proxy.domain import ChatRequest, PolicyRef, Priority, Transcript
from proxy.errors import GuardTuneError
from proxy.metrics.engine import HasEngineStats
from proxy.operations.target import Target
from proxy.policy.apply import apply
from proxy.tasks import cancel, spawn

_log = logging.getLogger(__name__)

_MESSAGES = ({"role": "user", "content": "Hello"},)


class Prewarm:
    """Warms each live (model, policy version) once, one after the other.

    A policy that has retired is left alone: nobody holds what the engine keeps of it, so it gives
    way to what is used.

    Args:
        targets: what is live now; asked again at every `refresh`.
    """

    def __init__(self, targets: Callable[[], Sequence[Target]]) -> None:
        self._targets = targets
        self._known: set[tuple[str, PolicyRef]] = set()
        self._pending: list[Target] = []
        self._task: asyncio.Task[None] | None = None

    def refresh(self) -> None:
        """Warm what is new; call it on the event loop, with models ready, after every change."""
        live = [target for target in self._targets() if isinstance(target.backend, HasEngineStats)]
        self._known &= {target.key for target in live}
        self._pending = [target for target in live if target.key not in self._known]
        if self._pending and (self._task is None or self._task.done()):
            self._task = spawn(self._run(), name="prewarm")

    def forget(self, model: str) -> None:
        """Note that a model has nothing of what was warmed; the next `refresh` warms it again.

        Args:
            model: the served name.
        """
        self._known = {key for key in self._known if key[0] != model}

    async def settled(self) -> None:
        """Wait until everything that is live is warm, or could not be warmed."""
        if self._task is not None:
            await asyncio.wait([self._task])

    async def close(self) -> None:
        """Stop; safe to call twice."""
        await cancel(self._task)

    async def _run(self) -> None:
        while self._pending:
            target = self._pending.pop(0)
            self._known.add(target.key)
            await _warm(target)


async def _warm(target: Target) -> None:
    """Ask for an answer and leave at its first token: by then the prompt has been computed."""
    request = ChatRequest(
        target.backend.model,
        _MESSAGES,
        {"stream": True},
        priority=Priority.BACKGROUND,
        request_id="prewarm",
    )
    applied = apply(target.policy, request, target.backend.capabilities).request
    if applied.messages == _MESSAGES:
        return
    try:
        async with target.backend.chat(applied, Transcript()):
            pass
    except GuardTuneError as error:
        _log.info("prewarm_failed model=%s policy=%s error=%s", *target.key, error)
