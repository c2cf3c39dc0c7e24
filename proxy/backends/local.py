"""A GGUF model in this process: chat requests to the engine, its tokens to OpenAI's wire."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace

from proxy.backends.base import Reply
from proxy.backends.config import LlamaCppConfig
from proxy.backends.local_answers import AnswerReader, Delta, Gathered, Reading, Step, frames
from proxy.backends.local_fields import CAPABILITIES, Options, parse_fields
from proxy.backends.local_format import refused
from proxy.backends.local_template import LocalTemplate
from proxy.backends.render import (
    JSON_HEADERS,
    SSE_HEADERS,
    Answer,
    ChunkTemplate,
    completion,
    new_id,
)
from proxy.domain import ChatRequest, Transcript, Usage
from proxy.engine.base import DecodeError, Runtime
from proxy.engine.chat_template import TemplateError
from proxy.engine.cores import available_cores
from proxy.engine.engine import Engine, Generation
from proxy.engine.gbnf import GrammarError
from proxy.engine.request import Counts
from proxy.engine.scheduler import Limits
from proxy.engine.stats import EngineStats, Pulse
from proxy.engine.weights import (
    Fingerprint,
    Weights,
    WeightsError,
    default_cache,
    find_weights,
    fingerprint,
)
from proxy.errors import BackendError, ModelLoadError, OverloadedError

_log = logging.getLogger(__name__)

MAX_SEQUENCES = 256
"""LLAMA_MAX_SEQ."""

MAX_PREFIXES = 8
"""Each idle prefix lies in every step's attention range; a few serve all policies of one model."""

_FLASH_ATTENTION = {"auto": None, "on": True, "off": False}

MAX_TURNS = 32
"""Conversations whose next turn is expected; the engine bounds their cells, too."""


class LocalBackend:
    """Serves one GGUF file through the engine; see `base.Backend`.

    Args:
        config: which file, and how much of the machine it gets.
    """

    def __init__(self, config: LlamaCppConfig) -> None:
        self.model = config.name
        self.capabilities = CAPABILITIES
        self.weights: Weights | None = None
        self._config = config
        n_prefixes = min(MAX_PREFIXES, MAX_SEQUENCES - config.slots)
        n_turns = min(MAX_TURNS, MAX_SEQUENCES - config.slots - n_prefixes)
        self._limits = Limits(config.slots, n_prefixes, n_cells=config.n_ctx_tokens, turns=n_turns)
        self._engine = Engine(
            config.name, self._open, limits=self._limits, max_queued=config.max_queued
        )
        self._template: LocalTemplate | None = None

    @property
    def stats(self) -> EngineStats:
        """What the engine is doing and has done."""
        return self._engine.stats

    def fingerprint(self) -> Fingerprint | None:
        """What the loaded weights are, by content; None before `start`. Reads a file once."""
        return None if self.weights is None else fingerprint(self.weights)

    @property
    def pulse(self) -> Pulse:
        """Whether the engine gets on, now."""
        return self._engine.pulse

    async def start(self) -> None:
        """Find, convert and load the weights. Raises ModelLoadError naming path and remedy."""
        await self._engine.start()
        try:
            self._template = LocalTemplate.of(self._engine.runtime, self._config.chat_template)
        except TemplateError as error:
            await self.close()
            raise ModelLoadError(f"{self._config.path}: {error}", model=self.model) from error

    async def close(self) -> None:
        """Cancel what is running and free the model; safe to call twice."""
        await self._engine.close()

    @asynccontextmanager
    async def chat(self, request: ChatRequest, transcript: Transcript) -> AsyncIterator[Reply]:
        """Answer one request; see `base.Backend`. A stream's reply comes with its first token."""
        options = parse_fields(request.fields, n_vocab=self._engine.runtime.vocabulary.n_tokens)
        template = self._template
        if template is None:
            raise BackendError(
                f"{self.model} has not started.", model=self.model, error_type="engine", status=503
            )
        prompt = await template.encode(request.messages, options)
        if options.tools is None:
            grammar = template.grammar(options, prompt)
        else:
            grammar = await asyncio.to_thread(template.grammar, options, prompt)
        generation = self._engine.submit(
            prompt.tokens,
            max_tokens=options.max_tokens,
            samplings=[replace(sampling, grammar=grammar) for sampling in options.samplings],
            stop=options.stop,
            n_shared=prompt.n_shared,
            priority=request.priority,
            n_top_logprobs=options.n_top_logprobs,
        )
        reading = template.reading(options, prompt)
        transcript.model = self.model
        try:
            async with aclosing(self._answers(generation, transcript, options, reading)) as answers:
                respond = self._stream if request.is_stream else self._whole
                yield await respond(answers, options)
        finally:
            await self._engine.cancel(generation)

    async def _whole(self, answers: AsyncIterator[Step], options: Options) -> Reply:
        gathered = [Gathered() for _ in range(options.n)]
        usage = Usage(0, 0)
        async for step in answers:
            usage = step.usage
            for index, delta in step.deltas:
                gathered[index].add(delta)
        choices = [one.choice for one in gathered]
        return Reply(200, JSON_HEADERS, _once(completion(self._answer(), choices, usage)))

    async def _stream(self, answers: AsyncIterator[Step], options: Options) -> Reply:
        """Waits for the first pieces, so that what fails before them still has a status."""
        first = await anext(answers)
        template = ChunkTemplate(self._answer(), include_usage=options.include_usage)
        return Reply(200, SSE_HEADERS, frames(template, first, answers, n_choices=options.n))

    async def _answers(
        self,
        generation: Generation,
        transcript: Transcript,
        options: Options,
        reading: Reading,
    ) -> AsyncGenerator[Step, None]:
        """The engine's pieces, read, and noted in the transcript on their way."""
        counts: list[Counts | None] = [None] * options.n
        readers = [AnswerReader(reading) for _ in counts]
        try:
            async for pieces in generation:
                deltas = []
                for piece in pieces:
                    counts[piece.choice] = piece.counts or counts[piece.choice]
                    deltas.append((piece.choice, readers[piece.choice].read(piece)))
                _note(transcript, deltas)
                usage = _usage(counts)
                if usage.completion_tokens:
                    transcript.usage = usage
                yield Step(deltas, usage)
        except GrammarError as error:
            field = "tools" if options.format is None else options.format.field
            raise refused(error, field) from error
        except DecodeError as error:
            transcript.error_type = "engine"
            raise self._failed(error) from error
        except (BackendError, OverloadedError):
            transcript.error_type = "engine"
            raise

    def _failed(self, error: DecodeError) -> BackendError:
        return BackendError(
            f"{self.model}: {error}", model=self.model, error_type="engine", status=503,
            retryable=True,
        )  # fmt: skip

    def _answer(self) -> Answer:
        return Answer(new_id(), self.model, int(time.time()))

    def _open(self) -> Runtime:
        """Load the model; runs on the engine's thread."""
        from proxy.engine.llama import LlamaRuntime, LoadError, ModelOptions

        config = self._config
        threads = config.threads or available_cores()
        try:
            weights = find_weights(
                config.path, convert=config.convert, cache=default_cache(), threads=threads
            )
            options = ModelOptions(
                path=weights.path,
                n_cells=self._limits.n_cells,
                n_sequences=self._limits.n_sequences,
                n_batch_tokens=self._limits.n_max_batch_tokens,
                threads=threads,
                gpu_layers=config.gpu_layers,
                flash_attention=_FLASH_ATTENTION[config.flash_attention],
            )
            runtime = LlamaRuntime(options)
        except (WeightsError, LoadError) as error:
            raise ModelLoadError(str(error), model=self.model) from error
        self.weights = weights
        _log.info("model_loaded model=%s path=%s threads=%d", self.model, weights.path, threads)
        return runtime


def _note(transcript: Transcript, deltas: Sequence[tuple[int, Delta]]) -> None:
    """Judges see the first choice, and of it the answer alone."""
    for index, delta in deltas:
        if index == 0:
            transcript.add_text(delta.content)
            transcript.finish_reason = delta.finish_reason


def _usage(counts: list[Counts | None]) -> Usage:
    """Of the answers that have ended: one prompt, and all their tokens."""
    known = [c for c in counts if c is not None]
    if not known:
        return Usage(0, 0)
    return Usage(known[0].n_prompt, sum(c.n_generated for c in known), known[0].n_cached)


async def _once(body: bytes) -> AsyncIterator[bytes]:
    yield body
