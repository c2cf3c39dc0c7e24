"""A runtime without llama.cpp: exact about cells, and its model follows a script.

The vocabulary's tokens are bytes, then ``<|start|>`` (256), ``<|end|>`` (257). The next token is
what `script` says of the sequence so far.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from proxy.engine.base import DecodeError
from proxy.engine.batch import Batch
from proxy.engine.gbnf import GrammarError
from proxy.engine.logprobs import Logprob, TokenLogprobs
from proxy.engine.sampling import Sampling

START, END = 256, 257
TEMPLATE = (
    "{% for m in messages %}<|start|>{{ m.role }}\n{{ m.content }}<|end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|start|>assistant\n{% endif %}"
)


class FakeVocabulary:
    """One token a byte, and two control tokens."""

    control_texts: Sequence[str] = ("<|start|>", "<|end|>")
    n_tokens = 258
    bos: int | None = None
    bos_text = ""
    eos_text = "<|end|>"

    def tokenize(self, text: str, *, parse_special: bool) -> list[int]:
        """Bytes, with control tokens where they are parsed."""
        if not parse_special:
            return list(text.encode())
        tokens: list[int] = []
        while text:
            for token, control in ((START, "<|start|>"), (END, "<|end|>")):
                if text.startswith(control):
                    tokens.append(token)
                    text = text[len(control) :]
                    break
            else:
                tokens += text[0].encode()
                text = text[1:]
        return tokens

    def piece(self, token: int) -> bytes:
        """The byte; nothing for control tokens."""
        return bytes([token]) if token < START else b""

    def is_end(self, token: int) -> bool:
        """Whether it is ``<|end|>``."""
        return token == END


class FakeMemory:
    """Cells as llama.cpp's unified cache counts them: a copy shares them.

    Args:
        n_cells: how many there are.
    """

    def __init__(self, n_cells: int, *, copies_partially: bool = True) -> None:
        self.n_cells = n_cells
        self.copies_partially = copies_partially
        self.held: dict[int, list[object]] = {}

    @property
    def n_used(self) -> int:
        """Distinct cells that any sequence holds."""
        return len({id(cell) for cells in self.held.values() for cell in cells})

    def copy(self, source: int, target: int, n_tokens: int) -> None:
        """Share the first cells."""
        assert not self.held.get(target)
        assert self.copies_partially or n_tokens == len(self.held[source])
        assert n_tokens <= len(self.held[source])
        self.held[target] = self.held[source][:n_tokens]

    def remove(self, sequence: int) -> None:
        """Empty a sequence."""
        self.held.pop(sequence, None)

    def extend(self, sequence: int, start: int, n_tokens: int, sharers: Sequence[int] = ()) -> None:
        """Compute tokens; positions must follow on what is there, for all who share them."""
        computed = [object() for _ in range(n_tokens)]
        for one in (sequence, *sharers):
            cells = self.held.setdefault(one, [])
            assert len(cells) == start, (one, len(cells), start)
            assert cells == self.held[sequence][:start], "sharers must not have diverged"
            cells.extend(computed)
        assert self.n_used <= self.n_cells


class FakeRuntime(FakeMemory):
    """A whole fake model.

    Args:
        script: the tokens of a sequence so far → its next token.
        n_cells: the cache's size.
        fail_at: the number of the batch at which decoding fails, counted from 1.
    """

    chat_template: str | None = TEMPLATE

    def __init__(
        self,
        script: Callable[[Sequence[int]], int] = lambda tokens: ord("a") + len(tokens) % 26,
        *,
        n_cells: int = 1000,
        fail_at: int | None = None,
        error: Exception | None = None,
    ) -> None:
        super().__init__(n_cells)
        self.vocabulary = FakeVocabulary()
        self.n_ctx_tokens = n_cells
        self.batches: list[int] = []
        self.samplers: set[int] = set()
        self.samplings: list[Sampling] = []
        self.is_closed = False
        self._script = script
        self._fail_at = fail_at
        self._error = error or DecodeError("out of order")
        self._rows: dict[int, list[int]] = {}

    def decode(self, batch: Batch) -> None:
        """Hold the cells, and remember what each sampled row has seen."""
        self.batches.append(batch.n_tokens)
        if len(self.batches) == self._fail_at:
            raise self._error
        for lane, n_tokens, sharers in batch.chunks:
            self.extend(lane.sequence, lane.n_computed, n_tokens, sharers)
        self._rows = {row: list(slot.lane.tokens) for slot, row in batch.sampled}

    def new_sampler(self, sampling: Sampling, prompt: Sequence[int]) -> Any:
        """A number; the grammar ``bad`` is one that cannot be followed."""
        if sampling.grammar is not None and sampling.grammar.text == "bad":
            raise GrammarError("bad")
        self.samplings.append(sampling)
        sampler = len(self.samplings)
        self.samplers.add(sampler)
        return sampler

    def sample(self, sampler: Any, row: int) -> int | None:
        """What the script says; below 0 stands for no token at all."""
        assert sampler in self.samplers
        token = self._script(self._rows[row])
        return None if token < 0 else token

    def logprobs(self, row: int, token: int, n_top: int) -> TokenLogprobs:
        """Certain of what it says; the alternatives count up from ``a``."""
        top = tuple(Logprob(bytes([ord("a") + n]), -1.0 - n) for n in range(n_top))
        return TokenLogprobs(Logprob(self.vocabulary.piece(token), 0.0), top)

    def free_sampler(self, sampler: Any) -> None:
        """Once only."""
        self.samplers.remove(sampler)

    def clear(self) -> None:
        """Empty everything."""
        self.held.clear()

    def close(self) -> None:
        """Note it."""
        self.samplers.clear()
        self.is_closed = True
