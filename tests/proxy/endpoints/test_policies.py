"""What is in force, as seen from outside."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from tests.asgi import call
from tests.edge import assemble, running, write_policy


def test_active_policies_are_listed_with_their_files(tmp_path: Path) -> None:
    """Name, identity, file, match, priority."""
    path = write_policy(tmp_path, "careful", "match: {models: ['fa*'], priority: 3}\n")
    proxy = assemble(tmp_path)
    shown = asyncio.run(call(proxy.app, path="/policies")).json
    (policy,) = proxy.service.parts.policies.store.snapshot.policies
    assert shown["policies"] == [
        {
            "name": "careful",
            "sha": policy.sha,
            "file": str(path),
            "description": None,
            "match": {"models": ["fa*"], "keys": None, "priority": 3},
            "rollout": None,
            "share": 1.0,
            "decision": None,
            "ignored": {},
        }
    ]
    assert shown["problems"] == []


def test_problems_of_the_last_reload_are_listed(tmp_path: Path) -> None:
    """With file, line and path, beside the policy that stays."""
    path = write_policy(tmp_path, "careful")
    proxy = assemble(tmp_path)
    write_policy(tmp_path, "careful", "decoding: {temperatur: 1}\n")
    proxy.service.parts.policies.store.reload()
    shown = asyncio.run(call(proxy.app, path="/policies")).json
    (problem,) = shown["problems"]
    assert (problem["file"], problem["line"]) == (str(path), 3)
    assert problem["path"] == "decoding.temperatur"
    assert [policy["name"] for policy in shown["policies"]] == ["careful"]


def test_probe_results_are_listed(tmp_path: Path) -> None:
    """The same numbers as in the metrics."""
    write_policy(tmp_path, "careful")
    proxy = assemble(tmp_path, probing={"prompts_per_kind": 2})

    async def run() -> dict[str, object]:
        async with running(proxy):
            await proxy.service.parts.probes.idle.wait()
            reply = await call(proxy.app, path="/policies")
        shown: dict[str, object] = reply.json["probes"][0]
        assert reply.json["probing"] is None
        return shown

    probe = asyncio.run(run())
    assert (probe["model"], probe["policy"], probe["unscored"]) == ("fake", "careful", 0)
    assert probe["harmful"] == {
        "ratio": 0.0, "n": 2, "lower95": 0.0, "upper95": probe["harmful"]["upper95"],  # type: ignore[index]  # JSON
    }  # fmt: skip


def test_running_probe_is_shown(tmp_path: Path) -> None:
    """So that a missing number has an explanation."""
    write_policy(tmp_path, "careful")
    proxy = assemble(tmp_path, probing={"prompts_per_kind": 2})

    async def run() -> object:
        async with running(proxy):
            return (await call(proxy.app, path="/policies")).json["probing"]

    running_now = asyncio.run(run())
    assert isinstance(running_now, dict)
    assert (running_now["model"], running_now["policy"]) == ("fake", "careful")


def test_valid_policy_gets_its_identity(tmp_path: Path) -> None:
    """Nothing is kept."""
    proxy = assemble(tmp_path)
    body = b"schema: 1\nname: new\n"
    reply = asyncio.run(call(proxy.app, "POST", "/policies/validate", body=body))
    assert reply.status == 200
    assert reply.json["valid"]
    assert reply.json["policy"].startswith("new@")
    assert list(tmp_path.iterdir()) == []


def test_invalid_policy_gets_all_its_mistakes(tmp_path: Path) -> None:
    """With 200: the request was fine."""
    body = b"schema: 1\nname: New\ndecoding: {temperature: hot, top_q: 1}\n"
    reply = asyncio.run(call(assemble(tmp_path).app, "POST", "/policies/validate", body=body))
    assert (reply.status, reply.json["valid"]) == (200, False)
    assert [problem["line"] for problem in reply.json["problems"]] == [2, 3, 3]


def test_names_that_are_no_utf8_are_listed_with_escapes(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A file saved under Latin-1, and half a surrogate pair as a key: 200, and JSON."""
    good, bad = (
        Path(os.fsdecode(os.fsencode(tmp_path) + name)) for name in (b"/a\xe9.yaml", b"/b\xe9.yaml")
    )
    good.write_text("schema: 1\nname: a\n", encoding="utf-8")
    bad.write_text('schema: 1\nname: b\n"\\ud800": 0x10\n', encoding="utf-8")
    reply = asyncio.run(call(assemble(tmp_path).app, path="/policies"))
    assert reply.status == 200
    assert [policy["file"] for policy in reply.json["policies"]] == [f"{tmp_path}/a\\udce9.yaml"]
    problem = reply.json["problems"][-1]
    assert (problem["file"], problem["path"]) == (f"{tmp_path}/b\\udce9.yaml", "\\ud800")
    assert problem["text"].startswith(f"{tmp_path}/b\\udce9.yaml:3: \\ud800: ")
    assert problem["text"].encode() in caplog.text.encode()  # a log file is UTF-8


def test_validation_of_a_key_that_is_no_character_is_no_failure(tmp_path: Path) -> None:
    """It is a mistake as any other."""
    body = b'schema: 1\nname: b\n"\\ud800": 0x10\n'
    reply = asyncio.run(call(assemble(tmp_path).app, "POST", "/policies/validate", body=body))
    assert (reply.status, reply.json["valid"]) == (200, False)
    assert reply.json["problems"][-1]["path"] == "\\ud800"


def test_validation_reads_no_file_outside_the_folder(tmp_path: Path) -> None:
    """A policy under test is somebody's input."""
    folder = tmp_path / "policies"
    folder.mkdir()
    (tmp_path / "secret.txt").write_text("top secret", encoding="utf-8")
    body = b"schema: 1\nname: x\nsystem_prompt: {file: ../secret.txt}\n"
    reply = asyncio.run(call(assemble(folder).app, "POST", "/policies/validate", body=body))
    assert not reply.json["valid"]
    assert b"top secret" not in reply.body
