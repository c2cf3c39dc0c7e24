from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from proxy.engine.gbnf import GrammarError, check_gbnf
from proxy.engine.json_grammar import json_grammar
from proxy.engine.llama import LlamaRuntime
from proxy.engine.sampling import Sampling
from proxy.engine.trigger import Grammar
from tests.proxy.engine.schema_check import assert_valid
from tests.proxy.engine.test_gbnf import GOOD

pytestmark = pytest.mark.gguf
SCHEMA = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "maxLength": 12},
        "age": {"type": "integer", "minimum": 1, "maximum": 120},
        "tags": {"type": "array", "items": {"enum": ["a", "b"]}, "maxItems": 3},
    },
    "required": ["name", "age"],
}


class Noise:
    """A model that knows nothing: random logits, from one seed."""

    def __init__(self, llama: LlamaRuntime, seed: int, *, prefer: str = "") -> None:
        self._rng = np.random.default_rng(seed)
        self._n = llama.vocabulary.n_tokens
        tokens = llama.vocabulary.tokenize(prefer, parse_special=True)
        self._script = iter(tokens)

    def __call__(self) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
        """The next logits; what is preferred comes first, in its order."""
        logits = self._rng.normal(size=self._n).astype(np.float32)
        if (token := next(self._script, None)) is not None:
            logits[token] = 100
        return logits


def write(llama: LlamaRuntime, grammar: Grammar, noise: Noise, **settings: Any) -> tuple[str, bool]:
    """What comes out, and whether it ended by itself."""
    sampler = llama.new_sampler(Sampling(seed=1, grammar=grammar, **settings), [])
    text = b""
    try:
        for _ in range(200):
            token = sampler.sample(noise())
            if token is None:
                return text.decode(), False
            if llama.vocabulary.is_end(token):
                return text.decode(), True
            text += llama.vocabulary.piece(token)
        return text.decode(errors="replace"), False
    finally:
        llama.free_sampler(sampler)


@pytest.fixture(autouse=True)
def _no_sampler_left(llama: LlamaRuntime) -> Iterator[None]:
    yield
    assert llama._samplers == {}


@pytest.mark.parametrize("grammar", GOOD)
def test_llama_cpp_follows_what_the_check_lets_through(llama: LlamaRuntime, grammar: str) -> None:
    """The two agree."""
    llama.free_sampler(llama.new_sampler(Sampling(grammar=Grammar(grammar)), []))


def test_grammar_that_llama_cpp_refuses_is_an_error(llama: LlamaRuntime) -> None:
    """NULL is noticed, and the chain is freed."""
    with pytest.raises(GrammarError):
        llama.new_sampler(Sampling(grammar=Grammar("root ::= a")), [])


@pytest.mark.parametrize(
    "settings",
    [
        {}, {"temperature": 0}, {"temperature": 2.0, "min_p": 0, "top_k": 0}, {"top_k": 1},
        {"repeat_penalty": 1.5}, {"dry_multiplier": 1.0}, {"typical_p": 0.2}, {"mirostat": 1},
        {"mirostat": 2}, {"xtc_probability": 1.0, "xtc_threshold": 0.01},
    ],
)  # fmt: skip
def test_random_model_writes_json_of_the_schema(
    llama: LlamaRuntime, settings: dict[str, Any]
) -> None:
    """With every kind of chain; a model could not be less inclined to."""
    for seed in range(3):
        text, is_whole = write(llama, Grammar(json_grammar(SCHEMA)), Noise(llama, seed), **settings)
        assert is_whole, text
        assert_valid(json.loads(text), SCHEMA)


def test_state_without_any_token_ends_the_answer(llama: LlamaRuntime) -> None:
    """Instead of the process."""
    grammar = Grammar(r'root ::= "ab" [^\x00-\U0010FFFF]')
    check_gbnf(grammar.text)
    assert write(llama, grammar, Noise(llama, 1)) == ("ab", False)


def test_control_tokens_are_no_text(llama: LlamaRuntime) -> None:
    """Their names are spelt out in plain tokens, where a grammar wants them."""
    grammar = Grammar('root ::= "<|im_start|>x"')
    assert write(llama, grammar, Noise(llama, 1, prefer="<|im_start|>")) == ("<|im_start|>x", True)


def test_lazy_grammar_begins_just_behind_its_trigger(llama: LlamaRuntime) -> None:
    """Also where the model's own token goes on beyond it."""
    grammar = Grammar('root ::= "!"', trigger="<tool_call>")
    for prefer in ("Yes. <tool_call>", "Yes. <tool_call></", "<tool_call>\n\n", "<tool_call>{"):
        text, is_whole = write(llama, grammar, Noise(llama, 1, prefer=prefer))
        assert is_whole
        assert text == prefer[: prefer.index("<tool_call>")] + "<tool_call>!"


def test_without_its_trigger_a_lazy_grammar_forbids_nothing(llama: LlamaRuntime) -> None:
    """Prose stays prose."""
    grammar = Grammar('root ::= "!"', trigger="<tool_call>")
    end = "One, two, three.<|im_end|>"
    assert write(llama, grammar, Noise(llama, 1, prefer=end)) == ("One, two, three.", True)


def test_thoughts_come_first_and_silence_in_them_is_no_answer(llama: LlamaRuntime) -> None:
    """The end of the turn within thoughts becomes the end of the thoughts."""
    grammar = Grammar('root ::= "!"', is_thinking=True)
    for prefer in ("Hm.</think>", "Hm.<|im_end|>"):
        text = write(llama, grammar, Noise(llama, 1, prefer=prefer))
        assert text == ("Hm.</think>!", True)
