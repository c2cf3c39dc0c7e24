"""The scheduler over the real SmolLM2: what it keeps, copies and pauses changes no answer."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import pytest
from numpy.typing import NDArray

from proxy.domain import Priority
from proxy.engine.engine import Engine
from proxy.engine.llama import LlamaRuntime, ModelOptions
from proxy.engine.request import Request
from proxy.engine.sampling import Sampling
from proxy.engine.scheduler import Limits, Scheduler
from proxy.engine.weights import default_cache, find_weights

pytestmark = pytest.mark.gguf

TOLERANCE = 0.06
"""Logits of one sequence differ by less, whatever was computed beside it and in which pieces.

llama.cpp computes batches of one row, of up to 63 and of more by different kernels; that alone
makes up to 0.055. Among batches of 2 to 63 rows the difference is 0.002.
"""

N_CELLS = 256
N_CYCLES = 600
SEED = 20261128

Logits = NDArray[np.float32]


def open_runtime() -> LlamaRuntime:
    """SmolLM2 as it is served, in a small context."""
    found = find_weights("embedded", convert=None, cache=default_cache(), threads=2)
    options = ModelOptions(
        path=found.path, n_cells=N_CELLS, n_sequences=12, n_batch_tokens=N_CELLS, threads=2
    )
    return LlamaRuntime(options)


@pytest.fixture(scope="module")
def loaded() -> Iterator[LlamaRuntime]:
    """One runtime for the tests that step it themselves."""
    runtime = open_runtime()
    yield runtime
    runtime.close()


@pytest.fixture
def llama(loaded: LlamaRuntime) -> LlamaRuntime:
    """It, with an empty cache."""
    loaded.clear()
    return loaded


def logits(llama: LlamaRuntime, row: int) -> Logits:
    """The last batch's logits at a row."""
    pointer = llama._library.llama_get_logits_ith(llama._context, row)
    return np.ctypeslib.as_array(pointer, (llama.vocabulary.n_tokens,)).copy()


@dataclass
class Stepper:
    """Steps a scheduler, greedily, and remembers what every answer's choices were made from."""

    llama: LlamaRuntime
    scheduler: Scheduler
    seen: dict[int, list[Logits]] = field(default_factory=dict)
    said: dict[int, list[int]] = field(default_factory=dict)
    n_cached: dict[int, int] = field(default_factory=dict)

    def run(self, *requests: Request) -> None:
        """Until all have ended."""
        for request in requests:
            self.scheduler.queue.add(request)
        while not self.scheduler.is_idle:
            self._step()

    def _step(self) -> None:
        self.scheduler.admit()
        batch = self.scheduler.build_batch()
        self.llama.decode(batch)
        self.scheduler.computed(batch)
        for slot, row in batch.sampled:
            found = logits(self.llama, row)
            token = int(found.argmax())
            self.seen.setdefault(slot.request.id, []).append(found)
            self.said.setdefault(slot.request.id, []).append(token)
            self.n_cached[slot.request.id] = slot.n_cached
            if slot.accept(token, b"", is_end=False).finish_reason:
                self.scheduler.finish(slot)


def computed_alone(llama: LlamaRuntime, prompt: Sequence[int], said: Sequence[int]) -> list[Logits]:
    """What each choice would have been made from, computed at once in an empty cache."""
    llama.clear()
    scheduler = Scheduler(llama, Limits(slots=len(said), prefixes=0, n_cells=N_CELLS * 99))
    found = []
    for n in range(len(said)):
        scheduler.queue.add(Request(id=n, prompt=(*prompt, *said[:n]), max_tokens=1))
        scheduler.admit()
        batch = scheduler.build_batch()
        llama.decode(batch)
        scheduler.computed(batch)
        found.append(logits(llama, batch.sampled[0].row))
        scheduler.retire(batch.sampled[0].slot)
    return found


def assert_same(found: Sequence[Logits], expected: Sequence[Logits]) -> None:
    """Within the tolerance; another best token only where the two best are closer than that."""
    for left, right in zip(found, expected, strict=True):
        assert np.abs(left - right).max() < TOLERANCE
        second, first = np.sort(right)[-2:]
        assert left.argmax() == right.argmax() or first - second < TOLERANCE


def tokens(llama: LlamaRuntime, text: str) -> tuple[int, ...]:
    """A text's token ids."""
    return tuple(llama.vocabulary.tokenize(text, parse_special=True))


def test_equal_batches_give_equal_logits(llama: LlamaRuntime) -> None:
    """To the last bit, so that an answer can be had again."""
    prompts = [tokens(llama, text) for text in ("The capital of France", "A cup of tea", "Owls")]
    runs = []
    for _ in range(2):
        llama.clear()
        stepper = Stepper(llama, Scheduler(llama, Limits(3, 0, N_CELLS)))
        stepper.run(*(Request(id=n, prompt=p, max_tokens=6) for n, p in enumerate(prompts)))
        runs.append(stepper.seen)
    for id_ in range(3):
        assert all(map(np.array_equal, runs[0][id_], runs[1][id_]))


def test_answers_beside_others_are_those_of_an_empty_engine(llama: LlamaRuntime) -> None:
    """Eight run together and two wait; all share a beginning, which is computed once."""
    system = "You are a patient teacher who answers in one short and friendly sentence."
    shared = tokens(llama, f"<|im_start|>system\n{system}<|im_end|>\n")
    asked = ["sea", "owl", "tea", "sun", "ice", "oak", "ink", "bee", "fog", "jam"]
    prompts = [(*shared, *tokens(llama, f"<|im_start|>user\nWhat is {word}?")) for word in asked]
    stepper = Stepper(llama, Scheduler(llama, Limits(8, 2, N_CELLS)))
    stepper.run(
        *(
            Request(id=n, prompt=p, max_tokens=5, n_shared=len(shared))
            for n, p in enumerate(prompts)
        )
    )
    assert min(list(stepper.n_cached.values())[8:]) >= len(shared)
    for id_, prompt in enumerate(prompts):
        assert_same(stepper.seen[id_], computed_alone(llama, prompt, stepper.said[id_]))


def test_next_turn_is_answered_as_if_all_of_it_were_new(llama: LlamaRuntime) -> None:
    """It shares what the last turn has computed, the answer included."""
    first = tokens(llama, "<|im_start|>user\nName three colours of the rainbow.<|im_end|>\n")
    stepper = Stepper(llama, Scheduler(llama, Limits(2, 2, N_CELLS, turns=2)))
    stepper.run(Request(id=1, prompt=first, max_tokens=12))
    second = (*first, *stepper.said[1], *tokens(llama, "<|im_end|>\n<|im_start|>user\nAnd why?"))
    stepper.run(Request(id=2, prompt=second, max_tokens=8))
    assert stepper.n_cached[2] == len(first) + 11
    assert_same(stepper.seen[2], computed_alone(llama, second, stepper.said[2]))


def test_other_turn_from_within_an_answer_is_answered_as_if_new(llama: LlamaRuntime) -> None:
    """The two conversations part in the middle of what is kept."""
    first = tokens(llama, "<|im_start|>user\nTell me about the sea and its many fish.<|im_end|>\n")
    stepper = Stepper(llama, Scheduler(llama, Limits(2, 2, N_CELLS, turns=2)))
    stepper.run(Request(id=1, prompt=first, max_tokens=12))
    second = (*first, *stepper.said[1][:5], *tokens(llama, " whales"))
    stepper.run(Request(id=2, prompt=second, max_tokens=8))
    assert stepper.n_cached[2] == len(first) + 5
    assert_same(stepper.seen[2], computed_alone(llama, second, stepper.said[2]))


def test_paused_answer_goes_on_as_if_it_had_not_been(llama: LlamaRuntime) -> None:
    """Two long answers in a cache for one and a half: the younger is computed again."""
    limits = Limits(2, 0, n_cells=45, n_answer_cells=8)
    stepper = Stepper(llama, Scheduler(llama, limits))
    prompts = [tokens(llama, text) for text in ("Once upon a time", "The history of bread")]
    stepper.run(*(Request(id=n, prompt=p, max_tokens=24) for n, p in enumerate(prompts)))
    assert stepper.scheduler.n_pauses == 1
    for id_, prompt in enumerate(prompts):
        alone = computed_alone(llama, prompt, stepper.said[id_])
        assert_same(stepper.seen[id_], alone)


def test_random_starts_and_cancels_leak_nothing() -> None:
    """Hundreds of them, users and probes; then the whole context is there for one request."""
    limits = Limits(slots=8, prefixes=2, n_cells=N_CELLS, turns=2, n_answer_cells=4)
    dice = random.Random(SEED)

    async def cycle(engine: Engine) -> None:
        shared = dice.choice([[], [5] * 18, [6] * 30])
        prompt = [*shared, *(dice.randrange(100, 1000) for _ in range(dice.randint(1, 4)))]
        generation = engine.submit(
            prompt,
            max_tokens=dice.randint(1, 4),
            samplings=(Sampling(seed=dice.randrange(1000)),) * dice.choice([1, 1, 2]),
            n_shared=len(shared),
            priority=dice.choice(list(Priority)),
        )
        n_pieces = dice.randint(0, 3)
        async for pieces in generation:
            n_pieces -= len(pieces)
            if n_pieces < 0:
                break
        await engine.cancel(generation)

    async def worker(engine: Engine, n_cycles: int) -> None:
        for _ in range(n_cycles):
            await cycle(engine)

    async def scenario() -> None:
        engine = Engine("tiny", open_runtime, limits=limits, max_queued=40)
        await engine.start()
        try:
            await asyncio.gather(*(worker(engine, N_CYCLES // 20) for _ in range(20)))
            stats, runtime = engine.stats, engine.runtime
            assert isinstance(runtime, LlamaRuntime)
            held = [runtime.cells_in_use(sequence) for sequence in range(limits.n_sequences)]
            assert (stats.n_processing, stats.n_deferred) == (0, 0)
            assert sum(n > 0 for n in held) == stats.n_prefixes + stats.n_turns
            assert sum(held) >= stats.n_cells_used
            assert runtime._samplers == {}
            generation = engine.submit([7] * (N_CELLS - 1), max_tokens=1, samplings=(Sampling(),))
            (last,) = [piece async for pieces in generation for piece in pieces]
            assert last.finish_reason is not None
        finally:
            await engine.close()

    asyncio.run(scenario())
