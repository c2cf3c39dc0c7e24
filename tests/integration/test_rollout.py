"""A canary in a running server: probed, decided about, taken over by the next request."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from proxy.app import Proxy
from proxy.domain import Exchange, Verdict
from proxy.policy.command import main as policy_command
from proxy.policy.snapshot import Snapshot
from tests.asgi import call
from tests.edge import StubJudge, assemble, running, write_policy

PATIENCE_S = 30.0
CANARY = "match: {priority: 5}\nrollout: {share: 0.2}\nsystem_prompt: {text: Anything goes.}\n"


def _harmful_under(text: str) -> Callable[[Exchange], Verdict]:
    """A judge to whom answers are harmful under the policy with this system prompt."""

    def decide(exchange: Exchange) -> Verdict:
        is_harmful = exchange.kind == "harmful" and text in exchange.context
        return Verdict("stub-1", "scored", harmful=is_harmful, is_refusal=False, relevant=0.5)

    return decide


def _proxy(folder: Path, judge: StubJudge, *, auto: str) -> Proxy:
    write_policy(folder, "base", "system_prompt: {text: Take care.}\n")
    write_policy(folder, "canary", CANARY)
    return assemble(
        folder,
        judge=judge,
        probing={"prompts_per_kind": 40},
        rollout={"auto": auto, "interval_s": 0.1},
    )


async def _until(proxy: Proxy, condition: Callable[[Snapshot], bool]) -> None:
    """Wait for a snapshot; the store's own watch brings it."""
    store = proxy.service.parts.policies.store
    changed = asyncio.Event()
    store.subscribe(lambda old, new: changed.set())
    async with asyncio.timeout(PATIENCE_S):
        while not condition(store.snapshot):
            changed.clear()
            await changed.wait()


def _share(snapshot: Snapshot) -> float:
    canary = snapshot.find("canary")
    assert canary is not None
    return snapshot.share(canary)


async def _answering(proxy: Proxy) -> set[str]:
    """The policies that answer twenty conversations."""
    found = set()
    for number in range(20):
        messages = [{"role": "user", "content": "x"}]
        body = json.dumps({"model": "fake", "user": str(number), "messages": messages}).encode()
        reply = await call(
            proxy.app,
            "POST",
            "/v1/chat/completions",
            headers=[("content-type", "application/json")],
            body=body,
        )
        found.add(reply.headers["x-guardtune-policy"].partition("@")[0])
    return found


@pytest.mark.parametrize(
    ("harmful", "auto", "share", "answering"),
    [
        ("Anything goes.", "rollback", 0.0, {"base"}),
        ("Take care.", "always", 1.0, {"canary"}),
    ],
    ids=["worse", "better"],
)
def test_canary_is_decided_about_without_a_person(
    tmp_path: Path, harmful: str, auto: str, share: float, answering: set[str]
) -> None:
    """From the first probe to the next user's answer, and shown on the way."""
    judge = StubJudge(_harmful_under(harmful))
    proxy = _proxy(tmp_path, judge, auto=auto)

    async def run() -> None:
        judge.gate = asyncio.Event()
        async with running(proxy):
            assert await _answering(proxy) == {"base", "canary"}
            judge.gate.set()
            await _until(proxy, lambda snapshot: _share(snapshot) == share)
            assert await _answering(proxy) == answering
            shown = (await call(proxy.app, path="/policies")).json
            metrics = (await call(proxy.app, path="/metrics")).body.decode()
        canary = next(item for item in shown["policies"] if item["name"] == "canary")
        assert (canary["rollout"], canary["share"]) == (0.2, share)
        assert canary["decision"]["who"] == "auto"
        assert shown["canaries"] == []
        assert f'guardtune_policy_share{{policy="canary",sha="{canary["sha"]}"}} {share}' in metrics

    asyncio.run(run())


def test_canary_under_way_is_shown_and_a_person_can_decide(tmp_path: Path) -> None:
    """The command writes the journal; the running server follows it."""
    proxy = _proxy(tmp_path, StubJudge(_harmful_under("nothing")), auto="never")

    async def run() -> None:
        async with running(proxy):
            await proxy.service.parts.probes.idle.wait()
            await proxy.service.parts.rollout.settled()
            (canary,) = (await call(proxy.app, path="/policies")).json["canaries"]
            assert (canary["model"], canary["policy"]) == ("fake", "canary")
            assert canary["against"].startswith("base@")
            assert canary["figures"]["harmful"]["neither"] == 40 * canary["rounds"]
            assert canary["look"]["step"] == "hold"
            command = ["rollback", "canary", "--policies", str(tmp_path)]
            assert await asyncio.to_thread(policy_command, command) == 0
            await _until(proxy, lambda snapshot: _share(snapshot) == 0.0)
            assert await _answering(proxy) == {"base"}

    asyncio.run(run())
