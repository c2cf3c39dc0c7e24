"""Which judge speaks for which served model; all started and closed together."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from proxy.judges.base import Judge


class Judges:
    """A judge for each served model: its own where one is configured, else the common one.

    Args:
        common: for every model without a judge of its own.
        by_model: served name → its judge. One judge may stand for several models; it is started
            and closed once.
    """

    def __init__(self, common: Judge, by_model: Mapping[str, Judge] | None = None) -> None:
        self._common = common
        self._by_model = dict(by_model or {})

    def of(self, model: str) -> Judge:
        """The judge of answers of a served model."""
        return self._by_model.get(model, self._common)

    @property
    def all(self) -> tuple[Judge, ...]:
        """Every judge once, the common one first."""
        judges = (self._common, *self._by_model.values())
        return tuple({id(judge): judge for judge in judges}.values())

    async def start(self) -> None:
        """Start one after the other: two models that load at once would need room for both.

        Raises:
            ModelLoadError: a judge's model cannot be loaded; `close` closes what stands.
        """
        for judge in self.all:
            await judge.start()

    async def close(self) -> None:
        """Close all, started or not."""
        for judge in self.all:
            await judge.close()


class JudgesElsewhere(Judges):
    """Judges that do their work in other processes: here only the engines that those share run.

    Args:
        common: see `Judges`; not started.
        by_model: likewise.
        start_engines: starts them; closed with the judges.
    """

    def __init__(
        self,
        common: Judge,
        by_model: Mapping[str, Judge] | None = None,
        *,
        start_engines: Callable[[], Awaitable[None]],
    ) -> None:
        super().__init__(common, by_model)
        self._start_engines = start_engines

    async def start(self) -> None:
        """Start the engines; raises as for judges that work here."""
        await self._start_engines()
