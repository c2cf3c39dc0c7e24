"""The model behind a judge: started and closed with it, and part of its identity."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from typing import Final

from proxy.backends.base import Backend

_DIGITS: Final = 6
_TAG: Final = re.compile(rf"(?<=@[0-9a-f]{{{_DIGITS}}})\.[0-9a-f]{{{_DIGITS}}}")


class AskedModel:
    """A judge's model, told apart by what it is and not only by what it is called.

    Two files that were served as ``guard`` one after the other are two judges: a verdict of the
    first must not be taken for one of the second.

    Args:
        backend: the model; owned from now on.
        identify: its identity in hex digits, once it has started; slow, so it is called off the
            event loop. None where the served name has to do.
    """

    def __init__(self, backend: Backend, identify: Callable[[], str] | None = None) -> None:
        self.backend = backend
        self._identify = identify
        self._digits = ""

    @property
    def tag(self) -> str:
        """What a judge's id ends in: ``.`` and six hex digits; empty until they are known."""
        return f".{self._digits}" if self._digits else ""

    async def start(self) -> None:
        """Start the backend and identify the model.

        Raises:
            ModelLoadError: it cannot start.
        """
        await self.backend.start()
        if self._identify is None:
            return
        try:
            self._digits = (await asyncio.to_thread(self._identify))[:_DIGITS]
        except BaseException:
            await self.backend.close()
            raise

    async def close(self) -> None:
        """Close the backend."""
        await self.backend.close()


def untagged(judge_id: str) -> str:
    """The id that the judge, or each judge in a combination, has before it starts."""
    return _TAG.sub("", judge_id)
