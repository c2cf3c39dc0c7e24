"""A stand-in for the engine's process: the same orders and the same socket, but a scripted model.

Run it as a program. The last user message says what to do: ``abort`` dies as llama.cpp does, after
the first word; ``die`` before it; ``grammar`` by llama.cpp itself, which needs the embedded model;
``hold`` never ends; ``full`` and ``long`` are refused; ``broken`` says that the engine has stopped;
anything else is answered. A model whose path ends in ``missing.gguf`` cannot be loaded, one in
``damaged.gguf`` kills the process that tries, one in ``stuck.gguf`` is never through with it.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from proxy.backends.base import Reply
from proxy.backends.config import LlamaCppConfig, ScriptedConfig, ScriptedRule
from proxy.backends.scripted import ScriptedBackend, last_user_text
from proxy.domain import ChatRequest, Transcript
from proxy.engine.library import load_library
from proxy.engine.stats import Counters, EngineStats, Pulse
from proxy.engine.vocabulary import LlamaVocabulary
from proxy.engine.weights import default_cache, find_weights
from proxy.engine_server.run import main
from proxy.errors import BackendError, ContextLengthError, ModelLoadError, OverloadedError

COMMAND = (sys.executable, "-P", __file__)


class ScriptedEngine(ScriptedBackend):
    """Counts what runs, and fails on request."""

    def __init__(self, config: LlamaCppConfig) -> None:
        rule = ScriptedRule(answers=("Good day to you.",))
        super().__init__(ScriptedConfig(name=config.name, rules=(rule,)))
        self._path = Path(config.path)

    @property
    def stats(self) -> EngineStats:
        """What runs now, and how many background requests came."""
        n_background = sum(request.priority.value for request in self.requests)
        return EngineStats(
            n_processing=self.in_flight, totals=Counters(n_predicted_tokens=n_background)
        )

    @property
    def pulse(self) -> Pulse:
        """What runs now; while something is held, no step is made for it."""
        return Pulse(self.in_flight, 0)

    async def start(self) -> None:
        """Load, or fail in the way that the model's path names."""
        if self._path.name == "missing.gguf":
            raise ModelLoadError(f"{self._path}: No such file. Name another.", model=self.model)
        if self._path.name == "stuck.gguf":
            await asyncio.Event().wait()
        if self._path.name == "damaged.gguf":
            sys.stderr.write("GGML_ASSERT(n > 0) failed\n")
            sys.stderr.flush()
            os.abort()

    @asynccontextmanager
    async def chat(self, request: ChatRequest, transcript: Transcript) -> AsyncIterator[Reply]:
        """Answer, or fail in the way that the user names."""
        async with super().chat(request, transcript) as reply:
            match last_user_text(request):
                case "die":
                    os.abort()
                case "grammar":
                    _break_a_grammar()
                case "broken":
                    raise BackendError("stopped", model=self.model, error_type="engine", status=503)
                case "full":
                    raise OverloadedError("queue_full", retry_after_s=3)
                case "long":
                    raise ContextLengthError(n_prompt_tokens=9, n_ctx_tokens=8)
                case "abort" | "hold" as wish:
                    yield Reply(reply.status, reply.headers, _broken(reply.chunks, wish))
                case _:
                    yield reply


async def _broken(chunks: AsyncIterator[bytes], wish: str) -> AsyncIterator[bytes]:
    """The role, the first word, and then nothing good."""
    yield await anext(chunks)
    yield await anext(chunks)
    if wish == "abort":
        os.abort()
    await asyncio.Event().wait()


def _break_a_grammar() -> None:
    """Tell a grammar of llama.cpp of a token that it forbids: it throws across C, and aborts."""
    library = load_library()
    path = find_weights("embedded", convert=None, cache=default_cache()).original
    params = library.llama_model_default_params()
    params.vocab_only = True
    model = library.llama_model_load_from_file(str(path).encode(), params)
    vocabulary = LlamaVocabulary(library, model)
    (forbidden,) = vocabulary.tokenize("b", parse_special=False)
    grammar = library.llama_sampler_init_grammar(vocabulary.handle, b'root ::= "a"', b"root")
    library.llama_sampler_accept(grammar, forbidden)
    raise AssertionError("llama.cpp has learned to survive this")


if __name__ == "__main__":
    sys.exit(main(ScriptedEngine))
