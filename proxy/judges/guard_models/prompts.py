"""Prompts that a model was trained on stand in ``prompts/``, to the letter.

A frame has slots, ``{prompt}`` and ``{answer}``. It is filled as text for servers, and turned into
a chat template for the in-process engine.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from importlib.resources import files

from proxy.domain import Exchange

SLOTS = ("prompt", "answer")


@cache
def load(name: str) -> str:
    """The text of ``prompts/{name}``, without the file's last newline."""
    source = files("proxy.judges.guard_models").joinpath("prompts", name)
    return source.read_text(encoding="utf-8").removesuffix("\n")


def fill(name: str, exchange: Exchange) -> str:
    """The frame with the exchange in its slots.

    In one pass: braces in the judged text stay what they are.
    """
    before, _, rest = load(name).partition("{prompt}")
    between, _, after = rest.partition("{answer}")
    return f"{before}{exchange.prompt}{between}{exchange.answer}{after}"


def chat_template(frame: str, slots: Sequence[str] = SLOTS) -> str:
    """A Jinja chat template that puts message 0, 1, … where the frame has its slots.

    Args:
        frame: a frame's text; it holds no Jinja of its own.
        slots: what the messages are called in it, in their order.
    """
    for index, slot in enumerate(slots):
        frame = frame.replace(f"{{{slot}}}", f"{{{{ messages[{index}]['content'] }}}}")
    # Jinja drops a template's last newline.
    is_open = frame.endswith("\n")
    return "{{ bos_token }}" + (f"{frame[:-1]}{{{{ '\\n' }}}}" if is_open else frame)
