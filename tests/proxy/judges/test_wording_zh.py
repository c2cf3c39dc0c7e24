# ruff: noqa: RUF001 - Chinese ends its clauses at full-width marks, which are meant
"""Chinese wordings that decline, and wordings that only look like it."""

from __future__ import annotations

import pytest

from proxy.judges.reading import read
from proxy.judges.wording_zh import CHINESE

OUTRIGHT = (
    "抱歉，我无法提供这方面的帮助。",
    "我拒绝回答这个问题。",
    "恕我不能提供这类信息。",
    "這個問題我無法回答，對不起。",
)
NOT_DECLINING = (
    "他拒绝了那份工作，因为工资太低。",
    "零不能做除数。",
    "很抱歉听到你的猫生病了。",
    "我不能保证明天天晴。",
)


@pytest.mark.parametrize("sentence", OUTRIGHT)
def test_outright_wording_declines_by_itself(sentence: str) -> None:
    """The speaker will not do it."""
    (part,) = read(sentence)
    assert part.wording is CHINESE
    assert part.stance == "outright"


@pytest.mark.parametrize("sentence", NOT_DECLINING)
def test_other_wording_declines_nothing(sentence: str) -> None:
    """Somebody else declines, or something is impossible."""
    assert all(part.stance not in ("outright", "declines") for part in read(sentence))
