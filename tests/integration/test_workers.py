"""`guardtune serve --workers N`, with real processes: what a client counted is what is shown."""

from __future__ import annotations

import http.client
import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec
import pytest

from tests.edge import write_policy
from tests.integration.server import Server, serving
from tests.processes import children, is_running
from tests.threaded_server import QuietHandler, threaded

RULES = [
    {"user": "wait for ever", "hang": True},
    {"answers": ["Good day to you."]},
]
CONFIG: dict[str, Any] = {
    "workers": 2,
    "models": [{"name": "fake", "backend": "scripted", "rules": RULES}],
    "judging": {"judge": "scripted"},
    "probing": {"prompts_per_kind": 2},
}
GIVE_UP_S = 60


@pytest.fixture(name="server")
def _server(tmp_path: Path) -> Iterator[Server]:
    """A server of two workers and a policy."""
    write_policy(tmp_path / "policies", "careful", "decoding: {temperature: 0.5}\n")
    with serving(tmp_path, {**CONFIG, "policies": str(tmp_path / "policies")}) as server:
        yield server


def _workers(server: Server) -> tuple[int, ...]:
    return children(server.process.pid)


def _until(condition: Callable[[], object]) -> None:
    """Look again and again: what another process does has no event here."""
    deadline = time.monotonic() + GIVE_UP_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def _total(server: Server, *names: str) -> float:
    """The sum of all series of some metrics, from one look."""
    lines = server.get("/metrics").body.decode().splitlines()
    return sum(
        float(line.rpartition(" ")[2])
        for line in lines
        if line.startswith(
            tuple(f"{name}{{" for name in names) + tuple(f"{name} " for name in names)
        )
    )


ANSWERS = ("guardtune_judged_total", "guardtune_unjudged_total")
REQUESTS = ("guardtune_requests_total", "guardtune_requests_lost_total")


def _load(server: Server, count: int, *, connections: int = 8, text: str = "hello") -> Counter[Any]:
    """Ask so often over kept connections; count statuses, and 0 for a connection that broke."""
    where = urlsplit(server.url)
    body = msgspec.json.encode({"model": "fake", "messages": [{"role": "user", "content": text}]})

    def ask(n_requests: int) -> Counter[Any]:
        seen: Counter[Any] = Counter()
        connection = http.client.HTTPConnection(where.hostname or "", where.port, timeout=60)
        for _ in range(n_requests):
            try:
                connection.request("POST", "/v1/chat/completions", body)
                response = connection.getresponse()
                response.read()
                seen[response.status] += 1
            except (OSError, http.client.HTTPException):
                seen[0] += 1
                connection.close()
        connection.close()
        return seen

    with ThreadPoolExecutor(connections) as pool:
        return sum(pool.map(ask, [count // connections] * connections), Counter())


def test_every_worker_shows_the_same_and_all_of_it(server: Server) -> None:
    """Whichever is asked; a request counts once, in whatever process."""
    assert len(_workers(server)) == 2
    assert _load(server, 80) == {200: 80}
    for _ in range(10):
        assert _total(server, *REQUESTS) == 80
    assert server.metric("guardtune_workers") == 2
    assert server.metric("guardtune_requests_lost_total") == 0
    _until(lambda: _total(server, *ANSWERS) == 80)
    _until(lambda: server.get("/policies").json["probes"])
    pages = [server.get("/policies").json for _ in range(10)]
    assert all(page == pages[0] for page in pages)


def test_probes_run_once_however_many_workers_there_are(server: Server) -> None:
    """Two prompts of each kind for each policy."""
    _until(lambda: server.metric(_probe_n(server)) is not None)
    assert _total(server, "guardtune_probe_answers_total") == 2 * 2


def _probe_n(server: Server) -> str:
    (policy,) = server.get("/policies").json["policies"]
    return f'guardtune_probe_n{{model="fake",policy="careful",sha="{policy["sha"]}"}}'


def test_policy_change_reaches_every_worker_and_is_counted_once(
    server: Server, tmp_path: Path
) -> None:
    """By the name in the header; connections are new each time, so that both answer."""
    assert server.metric('guardtune_policy_reloads_total{result="loaded"}') == 1
    write_policy(tmp_path / "policies", "later", "match: {priority: 5}\n")

    def names() -> set[str]:
        answers = [server.chat("hello") for _ in range(20)]
        return {one.headers["x-guardtune-policy"].partition("@")[0] for one in answers}

    _until(lambda: names() == {"later"})  # one worker may be there before the other
    assert names() == {"later"}
    assert server.metric('guardtune_policy_reloads_total{result="loaded"}') == 2


def test_killed_worker_costs_its_connections_and_no_figure(server: Server) -> None:
    """Answered is what was counted and what is said to be lost; answers are judged or told."""
    victim, other = _workers(server)
    with ThreadPoolExecutor(1) as pool:
        load = pool.submit(_load, server, 800)
        _until(lambda: _total(server, *REQUESTS) >= 100)
        os.kill(victim, signal.SIGKILL)
        seen = load.result()
    assert set(seen) <= {0, 200}
    assert seen[200] >= 700
    # One may have had its last byte and not been counted yet; others were counted and are not seen,
    # because the last byte did not arrive.
    answered = _total(server, *REQUESTS)
    assert seen[200] - 1 <= answered <= seen[200] + seen[0]
    _until(lambda: abs(_total(server, *ANSWERS) - answered) <= 1)
    _until(lambda: len(_workers(server)) == 2 and server.metric("guardtune_workers") == 2)
    assert other in _workers(server)
    assert server.metric("guardtune_worker_restarts_total") == 1
    _until(lambda: _replaced(server))
    assert _load(server, 80) == {200: 80}
    assert _total(server, *REQUESTS) == answered + 80


def _replaced(server: Server) -> bool:
    return server.log.read_text().count("event=worker_ready") == 3


def test_answers_that_a_dead_worker_had_not_judged_are_told(tmp_path: Path) -> None:
    """All of them: the judge never came to one."""
    judge = {"kind": "model_graded", "timeout_s": 600, "model": {
        "name": "grader", "backend": "scripted", "rules": [{"hang": True}],
    }}  # fmt: skip
    config = {**CONFIG, "judging": {"judge": judge}, "probing": {"enabled": False}}
    with serving(tmp_path, {**config, "policies": str(tmp_path / "policies")}) as server:
        assert _load(server, 40) == {200: 40}
        assert _total(server, *ANSWERS) == 0
        for pid in _workers(server):
            os.kill(pid, signal.SIGKILL)
        _until(lambda: _is_answering(server))
        assert _total(server, "guardtune_judged_total") == 0
        assert server.metric('guardtune_unjudged_total{reason="worker_died"}') == 40


def _is_answering(server: Server) -> bool:
    try:
        return server.get("/ready").status == 200
    except OSError:
        return False


def test_replacement_guards_although_the_file_is_broken(server: Server, tmp_path: Path) -> None:
    """It has the last good version from its parent."""
    broken = tmp_path / "policies" / "careful.yaml"
    broken.write_text("schema: 1\nname: careful\nnonsense: 1\n", encoding="utf-8")
    _until(lambda: server.metric("guardtune_policy_problems") == 1)
    before = _workers(server)
    os.kill(before[0], signal.SIGKILL)
    _until(lambda: _replaced(server) and len(_workers(server)) == 2)
    policies = {
        server.chat("hello").headers["x-guardtune-policy"].partition("@")[0] for _ in range(20)
    }
    assert policies == {"careful"}


class _Held(QuietHandler):
    """Answers when the gate is open."""

    gate: threading.Event

    def post(self) -> None:
        """Answer one chat request."""
        self.read()
        self.gate.wait(GIVE_UP_S)
        self.say("At last.")


@contextmanager
def _upstream(gate: threading.Event) -> Iterator[str]:
    with threaded(type("Held", (_Held,), {"gate": gate})) as port:
        yield f"http://127.0.0.1:{port}/v1"


def test_sigterm_drains_all_workers(tmp_path: Path) -> None:
    """What runs is finished; what comes is refused; nothing is left."""
    gate = threading.Event()
    with _upstream(gate) as url, ThreadPoolExecutor(8) as pool:
        model = {"name": "fake", "backend": "openai", "base_url": url}
        config = {**CONFIG, "models": [model], "policies": str(tmp_path)}
        with serving(tmp_path, config) as server:
            pids = _workers(server)
            running = [pool.submit(server.chat, "hello") for _ in range(8)]
            _until(lambda: server.metric("guardtune_in_flight") == 8)
            server.process.send_signal(signal.SIGTERM)
            _until(lambda: not _is_answering(server))
            gate.set()
            assert [
                answer.result().json["choices"][0]["message"]["content"] for answer in running
            ] == ["At last."] * 8
            assert server.process.wait(GIVE_UP_S) == 0
        assert not any(is_running(pid) for pid in pids)


def test_second_ctrl_c_does_not_wait_for_answers(server: Server) -> None:
    """The first one would, for the whole drain time."""
    pids = _workers(server)
    with ThreadPoolExecutor(1) as pool:
        hanging = pool.submit(server.chat, "wait for ever")
        _until(lambda: server.metric("guardtune_in_flight") == 1)
        server.process.send_signal(signal.SIGINT)
        _until(lambda: not _is_answering(server))
        server.process.send_signal(signal.SIGINT)
        assert server.process.wait(GIVE_UP_S) == 0
        assert hanging.exception() is not None
    assert not any(is_running(pid) for pid in pids)


def test_kill_of_the_parent_takes_all_down(server: Server) -> None:
    """No orphans, whatever they are doing."""
    pids = _workers(server)
    server.process.kill()
    _until(lambda: not any(is_running(pid) for pid in pids))


def test_worker_ended_by_hand_is_replaced(server: Server) -> None:
    """SIGTERM drains it: that is how one restarts them one by one."""
    first = _workers(server)[0]
    _load(server, 40)
    os.kill(first, signal.SIGTERM)
    _until(lambda: not is_running(first) and _replaced(server))
    assert server.metric("guardtune_requests_lost_total") == 0
    assert _total(server, "guardtune_requests_total") == 40
    assert server.metric('guardtune_unjudged_total{reason="worker_died"}') is None


def test_model_that_cannot_be_loaded_stops_the_start(tmp_path: Path) -> None:
    """With its message and status 2, as with one process."""
    model = {"name": "fake", "backend": "llama_cpp", "path": str(tmp_path / "missing.gguf")}
    config = {**CONFIG, "models": [model], "policies": str(tmp_path)}
    with pytest.raises(AssertionError, match=r"missing\.gguf") as caught, serving(tmp_path, config):
        pass
    assert "Traceback" not in str(caught.value)


@pytest.mark.slow
def test_server_none_of_whose_workers_can_start_ends_and_says_why(tmp_path: Path) -> None:
    """Each dies before it can say anything; after some tries a supervisor should know."""
    (tmp_path / "sitecustomize.py").write_text(
        "import os, sys\nif 'proxy.serve.worker' in sys.orig_argv:\n    os._exit(7)\n",
        encoding="utf-8",
    )
    environ = {"PYTHONPATH": os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])}
    config = {**CONFIG, "policies": str(tmp_path)}
    with (
        pytest.raises(AssertionError, match="was started 5 times") as caught,
        serving(tmp_path, config, environ=environ),
    ):
        pass
    assert "exit status 7" in str(caught.value)


def test_one_worker_is_one_process(tmp_path: Path) -> None:
    """As it always was."""
    with serving(tmp_path, {**CONFIG, "workers": 1, "policies": str(tmp_path)}) as server:
        assert _workers(server) == ()
        assert server.metric("guardtune_workers") == 0


@pytest.mark.gguf
def test_workers_share_one_engine(tmp_path: Path) -> None:
    """One process has the model; killed, it comes back for both."""
    model = {"name": "fake", "backend": "llama_cpp", "path": "embedded", "slots": 4}
    config = {**CONFIG, "models": [model], "probing": {"enabled": False}}
    with serving(tmp_path, {**config, "policies": str(tmp_path / "policies")}) as server:
        processes = _workers(server)
        engines = [pid for pid in processes if b"engine_server" in _command(pid)]
        assert (len(processes), len(engines)) == (3, 1)
        assert {server.chat("Say hello.", max_tokens=4).status for _ in range(6)} == {200}
        shown = 'llamacpp:tokens_predicted_total{model="fake"}'
        assert (server.metric(shown) or 0) >= 6
        os.kill(engines[0], signal.SIGKILL)
        _until(lambda: server.metric('guardtune_engine_restarts_total{model="fake"}') == 1)
        _until(lambda: server.chat("Say hello.", max_tokens=4).status == 200)
        assert {server.chat("Say hello.", max_tokens=4).status for _ in range(6)} == {200}
        assert server.metric("guardtune_worker_restarts_total") == 0


def _command(pid: int) -> bytes:
    return (Path("/proc") / str(pid) / "cmdline").read_bytes()
