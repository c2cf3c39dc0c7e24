from benchmarks.engine.contenders.profile import Profile
from benchmarks.engine.jobs import Outcome


def llama_decode() -> int:
    """Stands for the C function of that name."""
    return 0


def test_a_profile_adds_up_to_the_steps() -> None:
    """What is neither decoding nor sampling is Python."""
    profile = Profile()
    decode, sample = profile.timed_decode(llama_decode), profile.timed_sampler(lambda: 7)

    def run() -> Outcome:
        assert decode() == 0
        assert sample() == 7
        decode()
        return Outcome(1.0)

    extra = profile.of(run).extra

    assert extra["n_steps"] == 2
    total = extra["decode_s"] + extra["sampler_s"] + extra["python_s"]
    assert abs(total - extra["steps_s"]) < 1e-9


def test_a_profile_starts_anew_with_each_run() -> None:
    """A workload does not carry the one before."""
    profile = Profile()
    decode = profile.timed_decode(llama_decode)
    profile.of(lambda: Outcome(float(decode())))

    assert profile.of(lambda: Outcome(float(decode()))).extra["n_steps"] == 1
