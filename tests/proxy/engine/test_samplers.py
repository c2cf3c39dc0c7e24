from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pytest

from proxy.engine.batch import Batch
from proxy.engine.llama import LlamaRuntime
from proxy.engine.prototypes import Prototypes
from proxy.engine.sampling import Sampling
from proxy.engine.slots import Lane

pytestmark = pytest.mark.gguf

TEXT = "<|im_start|>user\nName a colour.<|im_end|>\n<|im_start|>assistant\n"


@pytest.fixture(autouse=True)
def prompt(llama: LlamaRuntime) -> Iterator[list[int]]:
    """A decoded prompt; its last row has logits to sample from, as often as one likes."""
    llama.clear()
    tokens = llama.vocabulary.tokenize(TEXT, parse_special=True)
    batch = Batch()
    batch.add(Lane(0, tokens), room=256)
    batch.sampled = [type("Row", (), {"row": len(tokens) - 1})()]
    llama.decode(batch)
    yield tokens
    llama.clear()


def draw(llama: LlamaRuntime, sampling: Sampling, prompt: list[int], n: int = 1) -> list[int]:
    """`n` tokens, each from a chain of its own."""
    tokens = []
    for _ in range(n):
        chain = llama.new_sampler(sampling, prompt)
        token = llama.sample(chain, len(prompt) - 1)
        assert token is not None
        tokens.append(token)
        llama.free_sampler(chain)
    return tokens


@pytest.mark.parametrize(
    "sampling",
    [
        Sampling(seed=1),
        Sampling(seed=1, temperature=0),
        Sampling(seed=1, repeat_penalty=1.2, frequency_penalty=0.5, presence_penalty=0.5),
        Sampling(seed=1, repeat_penalty=0.9, repeat_last_n=-1),
        Sampling(seed=1, dry_multiplier=0.8, dry_sequence_breakers=("\n", "é")),
        Sampling(seed=1, xtc_probability=1.0, xtc_threshold=0.01),
        Sampling(seed=1, typical_p=0.5, min_p=0, top_k=0, top_p=1),
        Sampling(seed=1, dry_multiplier=1, dry_penalty_last_n=2**31 - 1),
        Sampling(seed=1, repeat_penalty=1.2, repeat_last_n=2**31 - 1),
        Sampling(seed=1, mirostat=1),
        Sampling(seed=1, mirostat=2),
    ],
)
def test_every_sampler_builds_and_a_seed_repeats(
    llama: LlamaRuntime, prompt: list[int], sampling: Sampling
) -> None:
    """The same seed on the same logits is the same token."""
    assert len(set(draw(llama, sampling, prompt, 3))) == 1


def test_without_a_seed_draws_differ(llama: LlamaRuntime, prompt: list[int]) -> None:
    """Of 30 draws at a high temperature not all are equal."""
    assert len(set(draw(llama, Sampling(temperature=2.0, min_p=0), prompt, 30))) > 1


@pytest.mark.parametrize("seed", [2**32 - 1, -1, 2**64 - 1])
def test_every_seed_that_is_given_repeats(
    llama: LlamaRuntime, prompt: list[int], seed: int
) -> None:
    """Also those that llama.cpp would take for a wish to have one drawn."""
    sampling = Sampling(temperature=2.0, min_p=0, top_k=0, top_p=1, seed=seed)
    assert len(set(draw(llama, sampling, prompt, 30))) == 1


def test_logit_bias_decides(llama: LlamaRuntime, prompt: list[int]) -> None:
    """A large bias makes a token certain, also one that nobody would draw."""
    assert draw(llama, Sampling(logit_bias=((1234, 100.0),)), prompt) == [1234]


def test_penalty_sees_the_prompt(llama: LlamaRuntime, prompt: list[int]) -> None:
    """The greedy token, once part of the recent prompt, is penalised away."""
    best = draw(llama, Sampling(temperature=0), prompt)[0]
    history = [*prompt[:-1], best]
    penalised = Sampling(temperature=0, presence_penalty=2.0, repeat_penalty=10)
    assert draw(llama, penalised, history) != [best]


@pytest.mark.parametrize("n_tokens", [33, 63, 64, 65])
@pytest.mark.parametrize(
    "penalty",
    [
        Sampling(temperature=0, repeat_penalty=10, presence_penalty=2, repeat_last_n=64),
        Sampling(temperature=0, dry_multiplier=100, dry_allowed_length=0, dry_penalty_last_n=64),
    ],
)
def test_penalty_sees_all_of_a_prompt_that_is_about_as_long_as_its_window(
    llama: LlamaRuntime, prompt: list[int], penalty: Sampling, n_tokens: int
) -> None:
    """The greedy token stands 32 tokens from the end, and its repetition is penalised away."""
    best = draw(llama, Sampling(temperature=0), prompt)[0]
    others = [token for token in range(500, 600) if token != best]
    history = others[:n_tokens]
    history[-32:-30] = others[98], best
    history[-1] = others[98]
    assert _draw_after(llama, penalty, others[:n_tokens], prompt) == best
    assert _draw_after(llama, penalty, history, prompt) != best


def test_early_cut_changes_nothing(
    llama: LlamaRuntime, prompt: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With and without it, the same seeds draw the same tokens."""
    samplings = [
        Sampling(seed=seed, repeat_penalty=1.3, presence_penalty=0.7, temperature=1.5, min_p=0)
        for seed in range(40)
    ]
    cut = [draw(llama, sampling, prompt) for sampling in samplings]
    monkeypatch.setattr("proxy.engine.sampling._early_cut", lambda _sampling: 0)
    assert cut == [draw(llama, sampling, prompt) for sampling in samplings]
    assert len(Counter(token for tokens in cut for token in tokens)) > 3


def test_dry_that_is_cloned_does_what_a_new_one_does(
    llama: LlamaRuntime, prompt: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """And nothing of what an earlier answer has seen is left in it."""
    history = [*prompt, *prompt[:-1]]
    samplings = [
        Sampling(seed=seed, temperature=2.0, min_p=0, dry_multiplier=strength)
        for seed in range(20)
        for strength in (0.5, 100.0)
    ]
    cloned = [_draw_after(llama, sampling, history, prompt) for sampling in samplings]
    monkeypatch.setattr(Prototypes, "clone", lambda _self, _key, make: make())
    assert cloned == [_draw_after(llama, sampling, history, prompt) for sampling in samplings]


def _draw_after(
    llama: LlamaRuntime, sampling: Sampling, history: list[int], prompt: list[int]
) -> int | None:
    """A token after a history that is longer than what was decoded."""
    chain = llama.new_sampler(sampling, history)
    token = llama.sample(chain, len(prompt) - 1)
    llama.free_sampler(chain)
    return token
