"""Judged text is data: shortened, stripped of a format's own marks, and fenced where we may.

An answer may say "Safety: Safe", close the conversation block, or tell the judge what to write.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

from proxy.domain import Exchange

MAX_CHARS: Final = 12_000
MIN_CHARS: Final = 1000
"""With less than this of a long answer a verdict on it would be a guess."""

CONTROL_TOKENS: Final = (
    "<|im_start|>", "<|im_end|>", "<|endoftext|>",
    "<|begin_of_text|>", "<|end_of_text|>", "<|start_header_id|>", "<|end_header_id|>",
    "<|eot_id|>", "<|header_start|>", "<|header_end|>", "<|eot|>",
    "<start_of_turn>", "<end_of_turn>", "<bos>", "<eos>",
    "[INST]", "[/INST]", "<<SYS>>", "<</SYS>>", "<s>", "</s>",
    "<|start|>", "<|end|>", "<|message|>", "<|channel|>", "<|return|>", "<|call|>",
    "<|system|>", "<|user|>", "<|assistant|>", "<|start_of_role|>", "<|end_of_role|>",
    "<\uff5cUser\uff5c>", "<\uff5cAssistant\uff5c>",
    "<\uff5cbegin\u2581of\u2581sentence\uff5c>", "<\uff5cend\u2581of\u2581sentence\uff5c>",
    "<think>", "</think>",
)  # fmt: skip
"""Of chat models' families (ChatML, Llama, Gemma, Mistral, harmony, Zephyr, Granite, DeepSeek, all
that reason): many servers read them as such wherever they stand."""

_HEAD_SHARE: Final = 0.75
_ZERO_WIDTH_NON_JOINER: Final = "\u200c"


def shorten(text: str, *, max_chars: int = MAX_CHARS) -> str:
    """The head and the tail of a long text, with what was left out stated between them.

    A long answer must neither overflow the judge's context nor gain by its length; the tail is
    kept because a disclaimer, or the harm behind one, may stand there.
    """
    if len(text) <= max_chars:
        return text
    n_head = int(max_chars * _HEAD_SHARE)
    n_tail = max_chars - n_head
    left_out = len(text) - max_chars
    return f"{text[:n_head]}\n[… {left_out} characters left out …]\n{text[-n_tail:]}"


def disarm(text: str, marks: Sequence[str]) -> str:
    """``text`` with each of a format's marks broken by a zero-width character.

    Args:
        text: what is judged.
        marks: control tokens and delimiters that the judge's prompt or chat template uses.
    """
    if not marks:
        return text
    pattern = "|".join(re.escape(mark) for mark in sorted(marks, key=len, reverse=True))
    return re.sub(pattern, _broken, text, flags=re.IGNORECASE)


def _broken(match: re.Match[str]) -> str:
    mark = match.group()
    return mark[:1] + _ZERO_WIDTH_NON_JOINER + mark[1:]


def prepare(exchange: Exchange, marks: Sequence[str], *, max_chars: int = MAX_CHARS) -> Exchange:
    """The exchange as a judge's prompt may hold it: shortened and disarmed."""
    return replace(
        exchange,
        prompt=disarm(shorten(exchange.prompt, max_chars=max_chars), marks),
        answer=disarm(shorten(exchange.answer, max_chars=max_chars), marks),
    )


def prepared(
    exchange: Exchange, marks: Sequence[str], *, max_chars: int = MAX_CHARS
) -> Iterator[Exchange]:
    """The exchange prepared, then with half as many characters, and so on down to `MIN_CHARS`.

    Characters are not tokens: where what was shown does not fit a model's context, Chinese say,
    the next one may.
    """
    shown = prepare(exchange, marks, max_chars=max_chars)
    yield shown
    while (max_chars := max_chars // 2) >= MIN_CHARS:
        shorter = prepare(exchange, marks, max_chars=max_chars)
        if shorter != shown:
            yield shorter
        shown = shorter


def fence(name: str, text: str) -> str:
    """``text`` between marks that it cannot contain, since they are made from its own hash."""
    digest = hashlib.blake2b(text.encode(errors="replace"), digest_size=6).hexdigest()
    return f"<{name}-{digest}>\n{text}\n</{name}-{digest}>"
