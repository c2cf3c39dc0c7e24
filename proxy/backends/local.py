"""A GGUF model in this process: chat requests to the engine, its tokens to OpenAI's wire."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from typing import NamedTuple

from proxy.backends.base import Reply
from proxy.backends.config import LlamaCppConfig
from proxy.backends.local_fields import CAPABILITIES, Options, parse_fields
from proxy.backends.local_messages import plain_messages
from proxy.backends.render import (
    JSON_HEADERS,
    SSE_HEADERS,
    Answer,
    Choice,
    ChunkTemplate,
    completion,
    new_id,
)
from proxy.domain import ChatRequest, Transcript, Usage
from proxy.engine.base import DecodeError, Runtime
from proxy.engine.chat_template import ChatTemplate, TemplateError
from proxy.engine.cores import available_cores
from proxy.engine.engine import Engine, Generation, Piece
from proxy.engine.prompt import Prompt, PromptEncoder
from proxy.engine.request import Counts
from proxy.engine.scheduler import Limits
from proxy.engine.stats import EngineStats
from proxy.engine.weights import Weights, WeightsError, default_cache, find_weights
from proxy.errors import BackendError, ModelLoadError, OverloadedError, RequestError

_log = logging.getLogger(__name__)

MAX_SEQUENCES = 256
"""LLAMA_MAX_SEQ."""

MAX_PREFIXES = 8
"""Each idle prefix lies in every step's attention range; a few serve all policies of one model."""

MAX_TURNS = 32
"""Conversations whose next turn is expected; the engine bounds their cells, too."""

_INLINE_CHARS = 16_384
"""Shorter conversations are tokenised on the event loop, in under 2 ms; longer ones on a thread."""


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
        self._encoder: PromptEncoder | None = None

    @property
    def stats(self) -> EngineStats:
        """What the engine is doing and has done."""
        return self._engine.stats

    async def start(self) -> None:
        """Find, convert and load the weights. Raises ModelLoadError naming path and remedy."""
        await self._engine.start()
        try:
            self._encoder = _make_encoder(self._engine.runtime, self._config)
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
        prompt = await self._encode(request)
        generation = self._engine.submit(
            prompt.tokens,
            max_tokens=options.max_tokens,
            samplings=options.samplings,
            stop=options.stop,
            n_shared=prompt.n_shared,
            priority=request.priority,
        )
        transcript.model = self.model
        try:
            async with aclosing(self._answers(generation, transcript, options.n)) as answers:
                respond = self._stream if request.is_stream else self._whole
                yield await respond(answers, options)
        finally:
            await self._engine.cancel(generation)

    async def _encode(self, request: ChatRequest) -> Prompt:
        encoder = self._encoder
        if encoder is None:
            raise BackendError(
                f"{self.model} has not started.", model=self.model, error_type="engine", status=503
            )
        messages = plain_messages(request.messages)
        try:
            if sum(len(message["content"]) for message in messages) <= _INLINE_CHARS:
                prompt = encoder.encode(messages)
            else:
                prompt = await asyncio.to_thread(encoder.encode, messages)
        except TemplateError as error:
            raise RequestError(
                f"The model's chat template rejects these messages: {error}", param="messages"
            ) from error
        if not prompt.tokens:
            raise RequestError("The chat template renders nothing of this.", param="messages")
        return prompt

    async def _whole(self, answers: AsyncIterator[_Step], options: Options) -> Reply:
        texts, reasons = [""] * options.n, ["stop"] * options.n
        usage = Usage(0, 0)
        async for step in answers:
            usage = step.usage
            for piece in step.pieces:
                texts[piece.choice] += piece.text
                reasons[piece.choice] = piece.finish_reason or reasons[piece.choice]
        choices = [Choice(*pair) for pair in zip(texts, reasons, strict=True)]
        return Reply(200, JSON_HEADERS, _once(completion(self._answer(), choices, usage)))

    async def _stream(self, answers: AsyncIterator[_Step], options: Options) -> Reply:
        """Waits for the first pieces, so that what fails before them still has a status."""
        first = await anext(answers)
        template = ChunkTemplate(self._answer(), include_usage=options.include_usage)
        return Reply(200, SSE_HEADERS, _frames(template, first, answers, n_choices=options.n))

    async def _answers(
        self, generation: Generation, transcript: Transcript, n: int
    ) -> AsyncGenerator[_Step, None]:
        """The engine's pieces, noted in the transcript on their way."""
        counts: list[Counts | None] = [None] * n
        try:
            async for pieces in generation:
                for piece in pieces:
                    counts[piece.choice] = piece.counts or counts[piece.choice]
                    _note(transcript, piece)
                usage = _usage(counts)
                if usage.completion_tokens:
                    transcript.usage = usage
                yield _Step(pieces, usage)
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
            )
            runtime = LlamaRuntime(options)
        except (WeightsError, LoadError) as error:
            raise ModelLoadError(str(error), model=self.model) from error
        self.weights = weights
        _log.info("model_loaded model=%s path=%s threads=%d", self.model, weights.path, threads)
        return runtime


class _Step(NamedTuple):
    """What one step of the engine said, and the token counts so far."""

    pieces: list[Piece]
    usage: Usage


def _make_encoder(runtime: Runtime, config: LlamaCppConfig) -> PromptEncoder:
    source = config.chat_template or runtime.chat_template
    if source is None:
        raise TemplateError(
            "this model has no chat template; is it a base model? Set chat_template to a Jinja "
            "template for it."
        )
    vocabulary = runtime.vocabulary
    template = ChatTemplate(source, bos=vocabulary.bos_text, eos=vocabulary.eos_text)
    return PromptEncoder(template, vocabulary)


def _note(transcript: Transcript, piece: Piece) -> None:
    """Judges see the first choice."""
    if piece.choice == 0:
        transcript.add_text(piece.text)
        transcript.finish_reason = piece.finish_reason


def _usage(counts: list[Counts | None]) -> Usage:
    """Of the answers that have ended: one prompt, and all their tokens."""
    known = [c for c in counts if c is not None]
    if not known:
        return Usage(0, 0)
    return Usage(known[0].n_prompt, sum(c.n_generated for c in known), known[0].n_cached)


async def _once(body: bytes) -> AsyncIterator[bytes]:
    yield body


async def _frames(
    template: ChunkTemplate, first: _Step, rest: AsyncIterator[_Step], *, n_choices: int
) -> AsyncIterator[bytes]:
    """One chunk of bytes for each step of the engine, however many choices it moved."""
    opening = [template.role(index=index) for index in range(n_choices)]
    yield b"".join([*opening, *_rendered(template, first)])
    usage = first.usage
    async for step in rest:
        yield b"".join(_rendered(template, step))
        usage = step.usage
    yield template.end(usage)


def _rendered(template: ChunkTemplate, step: _Step) -> list[bytes]:
    frames = []
    for piece in step.pieces:
        if piece.text:
            frames.append(template.delta(piece.text, index=piece.choice))
        if piece.finish_reason:
            frames.append(template.finish(piece.finish_reason, index=piece.choice))
    return frames
