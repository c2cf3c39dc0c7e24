"""`gpt_oss_safeguard`: its golden request and transcript, and what is particular to it."""

from __future__ import annotations

from typing import Any

import pytest

from proxy.judges.guard_models.gpt_oss_safeguard import gpt_oss_safeguard
from tests.guard_transcripts import SPECIMEN, cases, check_answer, check_request


def test_build_sends_the_golden_request() -> None:
    """The prompt is the one that the model was trained on."""
    check_request(gpt_oss_safeguard())


@pytest.mark.parametrize("case", cases("gpt_oss_safeguard"))
def test_parse_reads_each_answer_or_refuses_it(case: dict[str, Any]) -> None:
    """Clear verdicts are read; malformed ones are unscored, never safe."""
    check_answer(gpt_oss_safeguard(), case)


def test_own_policy_and_its_labels_replace_ours() -> None:
    """Any taxonomy: the policy is the system message, its codes map to our categories."""
    form = gpt_oss_safeguard("# House rules\nH2: insults", labels={"H2": "hate"})
    call = form.build(SPECIMEN)[0]
    system = call.messages[0]["content"]
    assert system.startswith("# House rules\nH2: insults\n\n## How to answer")
    assert form.category(form.parse('{"violation": 1, "policy_category": "H2"}').codes) == "hate"
