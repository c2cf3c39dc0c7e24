"""What is told of the policy folder."""

from __future__ import annotations

import msgspec

from proxy.wire.policy_status import Validation


def test_policy_that_is_wrong_has_no_identity() -> None:
    """Not even an empty one."""
    assert msgspec.json.encode(Validation(valid=False, problems=[])) == (
        b'{"valid":false,"problems":[]}'
    )
    assert b'"policy":"a@b"' in msgspec.json.encode(
        Validation(valid=True, problems=[], policy="a@b")
    )
