"""llama.cpp's own server, in process through ``xllamacpp``; runs in an environment of its own.

Python takes no part in its steps: each chat's thread is only called with finished chunks.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from time import perf_counter
from typing import Any

from benchmarks.engine.contenders.serving import LateGate, claim_stdout, read_setup, serve
from benchmarks.engine.jobs import SAMPLING, Chat, Job, Outcome, Setup, Stream

_N_SLOT_TOKENS = 2048
"""Enough for the long prompt; each slot has cells of its own by default, which is its fast way."""


def load(setup: Setup) -> Any:
    """The server, with its own defaults where the setup says nothing."""
    # Not in the environment that checks types.
    import xllamacpp  # type: ignore[import-not-found]

    params = xllamacpp.CommonParams()
    params.model.path = setup.model
    params.n_parallel = setup.slots
    params.n_ctx = setup.slots * _N_SLOT_TOKENS  # divided among the slots
    params.flash_attn_type = xllamacpp.llama_flash_attn_type.LLAMA_FLASH_ATTN_TYPE_ENABLED
    params.cpuparams.n_threads = setup.threads
    params.cpuparams_batch.n_threads = setup.threads
    return xllamacpp.Server(params)


def run_chats(server: Any, job: Job) -> Outcome:
    """A thread for each chat."""
    gate = LateGate(len(job.chats), job.late_after)
    with ThreadPoolExecutor(len(job.chats) + 1) as pool:
        started = perf_counter()
        futures = [pool.submit(_stream, server, chat, gate.saw) for chat in job.chats]
        if job.late is not None:
            gate.opened.wait()
            futures.append(pool.submit(_stream, server, job.late, gate.saw))
        streams = [future.result() for future in futures]
        return Outcome(perf_counter() - started, streams)


def _stream(server: Any, chat: Chat, saw: Callable[[int], None]) -> Stream:
    times: list[float] = []
    usages: list[dict[str, Any]] = []

    def take(chunk: Any) -> None:
        if any(choice["delta"].get("content") for choice in chunk.get("choices", ())):
            times.append(perf_counter())
            saw(len(times))
        if chunk.get("usage"):
            usages.append(chunk["usage"])

    body = {
        **SAMPLING, "messages": [dict(message) for message in chat.messages],
        "seed": chat.seed, "max_tokens": chat.max_tokens,
        "stream": True, "stream_options": {"include_usage": True},
    }  # fmt: skip
    sent = perf_counter()
    server.handle_chat_completions(body, take)
    usage = usages[-1]
    n_cached = usage.get("prompt_tokens_details", {}).get("cached_tokens")
    return Stream(sent, times, usage["completion_tokens"], usage["prompt_tokens"], n_cached)


def main() -> None:
    """Serve jobs until stdin ends; the server's threads are left to die with the process."""
    out, server = claim_stdout(), load(read_setup())
    serve(lambda job: run_chats(server, job), out)
    os._exit(0)


if __name__ == "__main__":
    main()
