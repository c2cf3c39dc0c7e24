"""Vietnamese wordings that decline, and wordings that only look like it."""

from __future__ import annotations

import pytest

from proxy.judges.reading import read
from proxy.judges.wording_vi import VIETNAMESE

OUTRIGHT = (
    "Xin lỗi, tôi không thể giúp bạn việc này.",
    "Tôi từ chối trả lời câu hỏi này.",
    "Đó không phải là việc tôi có thể làm.",
)
NOT_DECLINING = (
    "Không thể chia cho số không.",
    "Anh ấy không nhận công việc đó vì lương quá thấp.",
    "Tôi không thể chờ thêm nữa.",
)


@pytest.mark.parametrize("sentence", OUTRIGHT)
def test_outright_wording_declines_by_itself(sentence: str) -> None:
    """The speaker will not do it."""
    (part,) = read(sentence)
    assert part.wording is VIETNAMESE
    assert part.stance == "outright"


@pytest.mark.parametrize("sentence", NOT_DECLINING)
def test_other_wording_declines_nothing(sentence: str) -> None:
    """Somebody else declines, or something is impossible."""
    assert all(part.stance not in ("outright", "declines") for part in read(sentence))
