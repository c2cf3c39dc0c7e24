"""One worker as its parent sees it: a process, a channel, and memory that outlives it."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable
from contextlib import ExitStack, suppress
from mmap import PAGESIZE, mmap
from typing import BinaryIO

from proxy.backends.engine_process import child_environment, how_it_ended
from proxy.metrics.deltas import Delta
from proxy.metrics.tally import Tally
from proxy.serve.channel import Channel, open_channel
from proxy.serve.messages import Answered, Ask, Failed, Orders, Ready, ToWorker

# -P: no module of the folder that the server happens to run in.
COMMAND = (sys.executable, "-P", "-m", "proxy.serve.worker")


class WorkerProcess:
    """A running worker. Make it with `spawn_worker`.

    Attributes:
        is_ready: whether it has loaded everything.
        failure: why it could not, if it said so.
        tally: what it has taken on; readable after its end.
    """

    def __init__(self, process: Process, channel: Channel, memory: mmap) -> None:
        self.is_ready = False
        self.failure: Failed | None = None
        self.tally = Tally(memory)
        self._process = process
        self._channel = channel
        self._memory = memory
        self._n_asked = 0
        self._asked: dict[int, asyncio.Future[None]] = {}

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

        Returns:
            How it ended: ``SIGKILL``, or ``exit status 1``.
        """
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
        for number in tuple(self._asked):
            self._settle(number)
        status = await self._process.wait()
        await self._channel.close()
        return how_it_ended(status)

    async def report(self, *, within_s: float) -> bool:
        """Have it report what it has counted, and wait for that.

        Returns:
            False where it does not answer in time; a worker that is gone has nothing to say.
        """
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
        OSError: there is no process to be had.
    """
    ours, theirs = socket.socketpair()
    with ExitStack() as on_failure:
        on_failure.enter_context(ours)
        with listener, theirs, _shared_memory() as file:
            inherited = (listener.fileno(), theirs.fileno(), file.fileno())
            process = await asyncio.create_subprocess_exec(
                *COMMAND, *map(str, inherited), name, stdin=PIPE, stdout=2,
                pass_fds=inherited, start_new_session=True, env=child_environment(),
            )  # fmt: skip
            memory = mmap(file.fileno(), PAGESIZE)
        on_failure.pop_all()
    channel = await open_channel(ours)
    channel.send(orders())
    return WorkerProcess(process, channel, memory)


def _shared_memory() -> BinaryIO:
    """Make a page that has no name: it is gone with the last process that has it open."""
    file = os.fdopen(os.memfd_create("guardtune-tally"), "r+b")
    file.truncate(PAGESIZE)
    return file
