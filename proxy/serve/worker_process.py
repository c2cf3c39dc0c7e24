"""One worker as its parent sees it: a process, a channel, and memory that outlives it."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack, suppress
from mmap import PAGESIZE, mmap
from typing import BinaryIO, Literal

from proxy.backends.engine_process import child_environment, how_it_ended
from proxy.domain import Priority, Verdict
from proxy.evaluation.run import Answer, Task
from proxy.metrics.deltas import Delta
from proxy.metrics.tally import Tally
from proxy.serve.channel import Channel, open_channel
from proxy.serve.messages import (
    Answered,
    Ask,
    End,
    Ended,
    Evaluate,
    Failed,
    Orders,
    Probed,
    Ready,
    Stop,
    ToWorker,
)

# -P: no module of the folder that the server happens to run in.
COMMAND = (sys.executable, "-P", "-m", "proxy.serve.worker")

EXIT_WITHIN_S = 10.0
"""How long a worker may take to end once it has closed its channel: it has nothing left to do, but
its interpreter waits for threads, and native code in one of them may never come back."""

OnProbed = Callable[[int, Answer, Verdict], None]
"""Takes one probe's place, answer and verdict."""


class WorkerProcess:
    """A running worker. Make it with `spawn_worker`.

    Attributes:
        is_ready: whether it has loaded everything.
        failure: why it could not, if it said so.
        tally: what it has taken on; readable after its end.
        takes_probes: whether it can be asked for some; not once it is about to end.
    """

    def __init__(self, process: Process, channel: Channel, memory: mmap) -> None:
        self.is_ready = False
        self.failure: Failed | None = None
        self.tally = Tally(memory)
        self._process = process
        self._channel = channel
        self._memory = memory
        self.takes_probes = True
        self._is_gone = False
        self._n_asked = 0
        self._asked: dict[int, asyncio.Future[None]] = {}
        self._orders: dict[int, _Order] = {}

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def tell(self, message: ToWorker) -> None:
        """Send it a message."""
        self._channel.send(message)

    async def listen(
        self, *, on_delta: Callable[[Delta], None], on_ready: Callable[[], None]
    ) -> str:
        """Take its messages until it is gone, every one that it sent.

        One that has closed its channel and does not end is killed: nobody else would notice.

        Returns:
            How it ended: ``SIGKILL``, or ``exit status 1``.

        Raises:
            Exception: whatever a message or its listener raises; the worker is gone by then.
        """
        try:
            await self._take(on_delta, on_ready)
        except BaseException:
            self.kill()
            raise
        finally:
            self._is_gone, self.takes_probes = True, False
            for number in tuple(self._asked):
                self._settle(number)
            for order in self._orders.values():
                order.come_to("died")
            how = await self._ended()
            await self._channel.close()
        return how

    async def _ended(self) -> str:
        try:
            async with asyncio.timeout(EXIT_WITHIN_S):
                return how_it_ended(await self._process.wait())
        except TimeoutError:
            self.kill()
            how = how_it_ended(await self._process.wait())
            return f"{how}, {EXIT_WITHIN_S:g} s after it had closed its channel"

    async def _take(self, on_delta: Callable[[Delta], None], on_ready: Callable[[], None]) -> None:
        while (message := await self._channel.receive()) is not None:
            match message:
                case Delta():
                    on_delta(message)
                case Answered(number):
                    self._settle(number)
                case Ready():
                    self.is_ready = True
                    on_ready()
                case Failed():
                    self.failure = message
                case Probed(number, at, answer, verdict):
                    if number in self._orders:
                        self._orders[number].take(at, answer, verdict)
                case Ended(number, end):
                    # One that we stopped is handed back, too, and is not among these.
                    if number in self._orders:
                        self.takes_probes = end != "handed_back"
                        self._orders[number].come_to(end)

    async def report(self, *, within_s: float) -> bool:
        """Have it report what it has counted, and wait for that.

        Returns:
            False where it does not answer in time; a worker that is gone has nothing to say.
        """
        if self._is_gone:
            return True
        self._n_asked += 1
        number = self._n_asked
        self._asked[number] = asked = asyncio.get_running_loop().create_future()
        self.tell(Ask(number))
        try:
            async with asyncio.timeout(within_s):
                await asked
        except TimeoutError:
            return False
        finally:
            self._asked.pop(number, None)
        return True

    async def evaluate(
        self,
        model: str,
        tasks: Mapping[int, Task],
        *,
        concurrency: int,
        priority: Priority,
        on_probed: OnProbed,
    ) -> End | Literal["died"]:
        """Have it answer and judge probes; cancelling stops it.

        Args:
            model: served name.
            tasks: by their place.
            concurrency: answers in flight at once.
            priority: of the requests.
            on_probed: called with place, answer and verdict of each, as soon as it is judged.

        Returns:
            How that came to an end.

        Raises:
            Exception: whatever ``on_probed`` raises.
        """
        if self._is_gone:
            return "died"
        self._n_asked += 1
        number = self._n_asked
        self._orders[number] = order = _Order(on_probed)
        self.tell(Evaluate(number, model, dict(tasks), concurrency, priority))
        try:
            return await order.ended
        finally:
            del self._orders[number]
            self.tell(Stop(number))

    def stop(self) -> None:
        """Ask it to drain and end."""
        self._signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it at once."""
        self._signal(signal.SIGKILL)

    def release(self) -> None:
        """Let go of what outlived it."""
        self.tally.release()
        self._memory.close()

    def _settle(self, number: int) -> None:
        asked = self._asked.pop(number, None)
        if asked is not None and not asked.done():
            asked.set_result(None)

    def _signal(self, number: signal.Signals) -> None:
        # On some event loops a process that has just ended cannot be signalled.
        with suppress(ProcessLookupError):
            if self._process.returncode is None:
                self._process.send_signal(number)


class _Order:
    """Probes that a worker was asked for."""

    def __init__(self, on_probed: OnProbed) -> None:
        self.ended: asyncio.Future[End | Literal["died"]] = (
            asyncio.get_running_loop().create_future()
        )
        self._on_probed = on_probed

    def take(self, at: int, answer: Answer, verdict: Verdict) -> None:
        """Hand one on; what that raises is for whoever asked, and none of the worker's business."""
        if self.ended.done():
            return
        try:
            self._on_probed(at, answer, verdict)
        except Exception as error:  # noqa: BLE001 - handed over
            self.ended.set_exception(error)

    def come_to(self, end: End | Literal["died"]) -> None:
        """Let whoever asked go on."""
        if not self.ended.done():
            self.ended.set_result(end)


async def spawn_worker(
    name: str, orders: Callable[[], Orders], listener: socket.socket
) -> WorkerProcess:
    """Start a worker and give it its orders.

    It has a session of its own, so that Ctrl-C in a terminal reaches the parent alone. Its stdin is
    a pipe that only we hold: its end is ours.

    Args:
        name: for ``ps``.
        orders: gives what it is to do, as of the moment of return: what is new from then on, the
            caller tells it.
        listener: bound; the worker listens on it. It is closed here.

    Raises:
        OSError: there is no process to be had. Whatever is raised, none is left behind.
    """
    async with AsyncExitStack() as on_failure:
        with listener, _shared_memory() as file:
            ours, theirs = socket.socketpair()
            on_failure.enter_context(ours)
            with theirs:
                inherited = (listener.fileno(), theirs.fileno(), file.fileno())
                process = await asyncio.create_subprocess_exec(
                    *COMMAND, *map(str, inherited), name, stdin=PIPE, stdout=2,
                    pass_fds=inherited, start_new_session=True, env=child_environment(),
                )  # fmt: skip
            on_failure.push_async_callback(_end, process)
            memory = on_failure.enter_context(mmap(file.fileno(), PAGESIZE))
        channel = await open_channel(ours)
        on_failure.callback(channel.abort)
        channel.send(orders())
        on_failure.pop_all()
    return WorkerProcess(process, channel, memory)


async def _end(process: Process) -> None:
    """End a process that nobody will look after."""
    with suppress(ProcessLookupError):
        process.kill()
    await process.wait()


def _shared_memory() -> BinaryIO:
    """Make a page that has no name: it is gone with the last process that has it open."""
    file = os.fdopen(os.memfd_create("guardtune-tally"), "r+b")
    file.truncate(PAGESIZE)
    return file
