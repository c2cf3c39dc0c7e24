"""llama-cpp-python's ``Llama``, one chat after the other, as its server does."""

from __future__ import annotations

from time import perf_counter
from typing import Any

from benchmarks.engine.contenders.serving import claim_stdout, read_setup, serve
from benchmarks.engine.jobs import SAMPLING, Chat, Job, Outcome, Setup, Stream

_N_CTX_TOKENS = 2048
"""For one chat at a time."""


def load(setup: Setup) -> Any:
    """The model; batch sizes are the class's own."""
    from llama_cpp import Llama

    return Llama(
        setup.model,
        n_ctx=min(setup.n_ctx_tokens, _N_CTX_TOKENS),
        n_threads=setup.threads,
        n_threads_batch=setup.threads,
        flash_attn=True,
        verbose=False,
    )


def run_chats(llama: Any, job: Job) -> Outcome:
    """All chats arrive together, and wait for those before them."""
    started = perf_counter()
    streams = [_stream(llama, chat, started) for chat in job.chats]
    return Outcome(perf_counter() - started, streams)


def _stream(llama: Any, chat: Chat, sent_s: float) -> Stream:
    chunks = llama.create_chat_completion(
        [dict(message) for message in chat.messages],
        stream=True, seed=chat.seed, max_tokens=chat.max_tokens, **SAMPLING,
    )  # fmt: skip
    times: list[float] = []
    reason = None
    for chunk in chunks:
        choice = chunk["choices"][0]
        reason = choice["finish_reason"]
        if choice["delta"].get("content"):
            times.append(perf_counter())
    # Streams carry no usage; a token may have no text of its own.
    n_tokens = chat.max_tokens if reason == "length" else len(times)
    return Stream(sent_s, times, n_tokens, llama.n_tokens - n_tokens)


def main() -> None:
    """Serve jobs until stdin ends."""
    from benchmarks.engine.contenders.evaluation import naive

    out, llama = claim_stdout(), load(read_setup())
    serve(
        lambda job: (naive if job.kind == "evaluation" else run_chats)(llama, job),
        out,
    )


if __name__ == "__main__":
    main()
