"""Ours, in process: the backend that the tuner uses, streamed, with template and SSE rendering.

``--default-openmp`` loads llama.cpp before the engine can say how OpenMP's threads shall wait;
``--tuner`` takes as many slots as `guardtune tune` does; ``--profile`` times each call of
llama.cpp's C API.
"""

from __future__ import annotations

import asyncio
import sys
from dataclasses import replace
from time import perf_counter

from benchmarks.engine.contenders.evaluation import ours as evaluate_ours
from benchmarks.engine.contenders.profile import Profile
from benchmarks.engine.contenders.serving import LateGate, claim_stdout, read_setup, serve
from benchmarks.engine.jobs import SAMPLING, Chat, Job, Outcome, Setup, Stream
from proxy.backends import registry
from proxy.backends.base import Backend
from proxy.backends.config import LlamaCppConfig
from proxy.domain import ChatRequest, Transcript

NAME = "benchmarked"

_TUNER_SLOTS = 32
_TUNER_SPARE = 4
"""As tuner/cli.py has them: slots, and requests in flight beyond those."""


def make_backend(setup: Setup) -> Backend:
    """The backend, not started yet."""
    return registry.create(
        LlamaCppConfig(
            name=NAME,
            path=setup.model,
            n_ctx_tokens=setup.n_ctx_tokens,
            slots=setup.slots,
            threads=setup.threads,
        )
    )


async def run_chats(backend: Backend, job: Job) -> Outcome:
    """All chats at once, and the late one when it is due."""
    gate = LateGate(len(job.chats), job.late_after)
    started = perf_counter()
    tasks = [_stream(backend, chat, gate) for chat in job.chats]
    if job.late is not None:
        tasks.append(_late(backend, job.late, gate))
    streams = await asyncio.gather(*tasks)
    return Outcome(perf_counter() - started, streams)


async def _late(backend: Backend, chat: Chat, gate: LateGate) -> Stream:
    await asyncio.to_thread(gate.opened.wait)
    return await _stream(backend, chat, gate)


async def _stream(backend: Backend, chat: Chat, gate: LateGate) -> Stream:
    request = ChatRequest(
        model=NAME,
        messages=tuple(chat.messages),
        fields={**SAMPLING, "seed": chat.seed, "max_tokens": chat.max_tokens, "stream": True},
    )
    transcript, times, sent = Transcript(), list[float](), perf_counter()
    async with backend.chat(request, transcript) as reply:
        async for _ in reply.chunks:
            times.append(perf_counter())
            gate.saw(len(times))
    usage = transcript.usage
    if usage is None:
        raise RuntimeError("the stream has ended without usage")
    # The last chunk is the stream's end, not text.
    return Stream(
        sent, times[:-1], usage.completion_tokens, usage.prompt_tokens, usage.cached_tokens
    )


def main() -> None:
    """Serve jobs until stdin ends."""
    out, setup = claim_stdout(), read_setup()
    if "--tuner" in sys.argv:
        setup = replace(setup, slots=_TUNER_SLOTS)
    if "--default-openmp" in sys.argv:
        __import__("llama_cpp")
    profile = Profile.install() if "--profile" in sys.argv else None
    backend = make_backend(setup)
    with asyncio.Runner() as runner:
        runner.run(backend.start())

        def run(job: Job) -> Outcome:
            if job.kind == "evaluation":
                return runner.run(
                    evaluate_ours(backend, job, concurrency=setup.slots + _TUNER_SPARE)
                )
            if profile is None:
                return runner.run(run_chats(backend, job))
            return profile.of(lambda: runner.run(run_chats(backend, job)))

        serve(run, out)
        runner.run(backend.close())


if __name__ == "__main__":
    main()
