from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from proxy.engine.base import DecodeError, Runtime
from proxy.engine.batch import Batch, build_batch
from proxy.engine.engine import Engine
from proxy.engine.llama import LlamaRuntime, LoadError, ModelOptions
from proxy.engine.request import Request
from proxy.engine.sampling import Sampling
from proxy.engine.scheduler import Limits
from proxy.engine.slots import Lane, Phase, Slot
from proxy.engine.weights import default_cache, find_weights
from proxy.errors import ContextLengthError

pytestmark = pytest.mark.gguf
GREEDY = Sampling(temperature=0)
GIVE_UP_S = 60


def slot(llama: LlamaRuntime, sequence: int, text: str) -> Slot:
    """A prompt that is about to be computed."""
    prompt = llama.vocabulary.tokenize(text, parse_special=True)
    asked = Request(id=sequence, prompt=tuple(prompt), max_tokens=8, sampling=GREEDY)
    return Slot(asked, Lane(sequence, prompt), n_cells=0, phase=Phase.PREFILLING)


def decode(llama: LlamaRuntime, *slots: Slot) -> list[int]:
    """One step; each slot's next token, appended."""
    batch = build_batch(slots, [], n_prompt_tokens=256, n_prefill_tokens=256)
    llama.decode(batch)
    batch.advance()
    tokens = []
    for one, row in batch.sampled:
        chain = llama.new_sampler(GREEDY, one.request.prompt)
        token = llama.sample(chain, row)
        assert token is not None
        tokens.append(token)
        llama.free_sampler(chain)
        one.lane.tokens.append(tokens[-1])
    return tokens


@pytest.fixture(autouse=True)
def _empty(llama: LlamaRuntime) -> None:
    llama.clear()


def test_runtime_is_a_runtime(llama: LlamaRuntime) -> None:
    """The protocol's sizes and abilities, as SmolLM2 has them."""
    runtime: Runtime = llama
    assert runtime.n_cells == 512
    assert runtime.n_ctx_tokens == 512
    assert runtime.copies_partially
    assert runtime.chat_template is not None


@pytest.fixture(scope="module")
def weights() -> Path:
    """SmolLM2's file."""
    return find_weights("embedded", convert=None, cache=default_cache(), threads=2).path


def test_one_request_may_use_what_was_asked_for_not_what_llama_cpp_rounds_it_to(
    weights: Path,
) -> None:
    """The scheduler has 1,000 cells to give, of 1,024."""
    options = ModelOptions(weights, n_cells=1000, n_sequences=1, n_batch_tokens=64, threads=2)
    other = LlamaRuntime(options)
    assert (other.n_cells, other.n_ctx_tokens) == (1024, 1000)
    other.close()


def test_longest_answer_ends_in_a_context_that_llama_cpp_rounds_up(weights: Path) -> None:
    """It is cut where the cells end, and the engine is idle again."""
    limits = Limits(slots=1, prefixes=0, n_cells=300)

    def load() -> LlamaRuntime:
        options = ModelOptions(
            weights, n_cells=limits.n_cells, n_sequences=1, threads=2,
            n_batch_tokens=limits.n_max_batch_tokens,
        )  # fmt: skip
        return LlamaRuntime(options)

    async def scenario() -> None:
        engine = Engine("m", load, limits=limits, max_queued=0)
        await engine.start()
        try:
            with pytest.raises(ContextLengthError, match="300"):
                engine.submit([5] * 300, max_tokens=1, samplings=(GREEDY,))
            generation = engine.submit([5] * 290, max_tokens=512, samplings=(GREEDY,))
            async with asyncio.timeout(GIVE_UP_S):
                counts = [piece.counts async for step in generation for piece in step]
            assert counts[-1] is not None
            assert counts[-1].n_prompt == 290
            assert counts[-1].n_generated <= 10
            await engine.cancel(generation)
            assert engine.stats.n_deferred == engine.stats.n_processing == 0
        finally:
            await engine.close()

    asyncio.run(scenario())


def test_greedy_continuation_makes_sense(llama: LlamaRuntime) -> None:
    """The weights were read correctly."""
    one = slot(llama, 0, "The capital of France is")
    tokens = [decode(llama, one)[0] for _ in range(3)]
    assert b"Paris" in b"".join(map(llama.vocabulary.piece, tokens))


def test_shared_cells_continue_like_computed_ones(llama: LlamaRuntime) -> None:
    """A copy of a prefix yields the same token as computing it."""
    text = "One two three four five six seven eight nine ten. One two three"
    first = decode(llama, slot(llama, 0, text))
    copied = slot(llama, 1, text)
    n_shared = len(copied.lane.tokens) - 1
    llama.copy(0, 1, n_shared)
    copied.lane.n_computed = n_shared
    assert decode(llama, copied) == first


@pytest.mark.parametrize("n_before", [0, 7])
def test_prompts_go_on_while_the_cells_they_share_are_computed(
    llama: LlamaRuntime, n_before: int
) -> None:
    """Rows of several sequences, and each one's own rows behind them, in one batch."""
    shared = "One two three four five six seven eight nine ten. One"
    texts = [shared + rest for rest in (" two three", " day, there")]
    alone = []
    for text in texts:
        alone += decode(llama, slot(llama, 0, text))
        llama.clear()
    prefix = slot(llama, 0, shared)
    prefix.lane.tokens, rest = prefix.lane.tokens[:n_before], prefix.lane.tokens[n_before:]
    if n_before:
        decode(llama, prefix)
        prefix.lane.tokens.pop()
    prefix.lane.tokens += rest
    batch = Batch()
    batch.add(prefix.lane, room=100)
    for sequence, text in enumerate(texts, 1):
        one = slot(llama, sequence, text)
        if n_before:
            llama.copy(0, sequence, n_before)
        batch.share(prefix.lane, sequence)
        one.lane.n_computed = len(prefix.lane.tokens)
        batch.add(one.lane, room=100, slot=one)
    llama.decode(batch)
    chain = llama.new_sampler(GREEDY, ())
    assert [llama.sample(chain, row) for _, row in batch.sampled] == alone
    llama.free_sampler(chain)
    assert [llama.cells_in_use(sequence) for sequence in (1, 2)] == [
        len(one.lane.tokens) for one, _ in batch.sampled
    ]


def test_remove_frees_one_sequence_and_leaves_its_sharers(llama: LlamaRuntime) -> None:
    """Cells live as long as somebody holds them."""
    one = slot(llama, 0, "a b c d")
    decode(llama, one)
    llama.copy(0, 1, 2)
    llama.remove(0)
    assert llama.cells_in_use(0) == 0
    assert llama.cells_in_use(1) == 2


def test_batch_that_llama_cpp_refuses_is_an_error(llama: LlamaRuntime) -> None:
    """A sequence that does not exist: the status is checked, and nothing crashes."""
    batch = Batch()
    batch.add(Lane(99, [5]), room=1)
    with pytest.raises(DecodeError, match="returned -1"):
        llama.decode(batch)


def test_file_that_is_no_model_is_a_load_error(tmp_path: Path) -> None:
    """Cut off after its magic number."""
    path = tmp_path / "broken.gguf"
    path.write_bytes(b"GGUF\x03\0\0\0")
    options = ModelOptions(path, n_cells=64, n_sequences=1, n_batch_tokens=64, threads=1)
    with pytest.raises(LoadError, match=r"broken\.gguf"):
        LlamaRuntime(options)


@pytest.mark.parametrize("flash_attention", [False, True])
def test_flash_attention_changes_no_word(
    llama: LlamaRuntime, weights: Path, *, flash_attention: bool
) -> None:
    """One operation or three: the same greedy answer."""
    options = ModelOptions(
        weights, n_cells=128, n_sequences=1, n_batch_tokens=64, threads=2,
        flash_attention=flash_attention,
    )  # fmt: skip
    other = LlamaRuntime(options)
    question = "The capital of France is"
    here, there = slot(llama, 0, question), slot(other, 0, question)
    for _ in range(3):
        assert decode(llama, here) == decode(other, there)
    other.close()
