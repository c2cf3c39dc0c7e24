from benchmarks.engine.jobs import (
    Chat,
    Job,
    Outcome,
    Setup,
    Stream,
    job_from,
    outcome_from,
    setup_from,
    to_line,
)


def test_a_job_survives_the_pipe() -> None:
    """Its messages as they were, the late chat too."""
    chat = Chat([{"role": "user", "content": "Hello\nthere"}], 7, 64)
    job = Job("chats", [chat, chat], chat, late_after=5, number=3)

    line = to_line(job)

    assert line.count("\n") == 1
    assert job_from(line) == job


def test_a_job_without_a_late_chat_survives_the_pipe() -> None:
    """None stays None."""
    assert job_from(to_line(Job("evaluation", [], number=2))) == Job("evaluation", [], number=2)


def test_an_outcome_survives_the_pipe() -> None:
    """Times as exact as they were."""
    outcome = Outcome(0.1 + 0.2, [Stream(1.0, [1.5, 2.0], 2)], {"n": 1.0}, 5, "no")

    assert outcome_from(to_line(outcome)) == outcome


def test_a_setup_survives_the_pipe() -> None:
    """The first line that a contender reads."""
    setup = Setup("model.gguf", 2, 16, 8192)

    assert setup_from(to_line(setup)) == setup
