"""Where a step's time goes: every call of llama.cpp's that computes or chooses, timed from outside.

The calls are wrapped in the module, so the engine carries no clocks for this.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from time import perf_counter
from typing import Any

from benchmarks.engine.jobs import Outcome

_DECODE = ("llama_decode", "llama_synchronize")
_SAMPLE = ("llama_sampler_sample", "llama_sampler_apply", "llama_sampler_accept")


@dataclass(slots=True)
class Profile:
    """Seconds within llama.cpp since the last reset, and the window that they lie in."""

    decode_s: float = 0.0
    sampler_s: float = 0.0
    first_s: float = 0.0
    last_s: float = 0.0
    n_steps: int = 0

    @classmethod
    def install(cls) -> Profile:
        """Wrap the functions; call before the engine loads the library."""
        from proxy.engine.library import load_library

        profile, library = cls(), load_library()
        for name in _DECODE:
            setattr(library, name, profile.timed_decode(getattr(library, name)))
        for name in _SAMPLE:
            setattr(library, name, profile.timed_sampler(getattr(library, name)))
        return profile

    def timed_decode(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """A call that computes; each decode is a step."""
        is_step = function.__name__ == _DECODE[0]

        def call(*args: Any) -> Any:
            started = perf_counter()
            result = function(*args)
            self.last_s = perf_counter()
            self.decode_s += self.last_s - started
            self.first_s = self.first_s or started
            self.n_steps += is_step
            return result

        return call

    def timed_sampler(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """A call that chooses a token."""

        def call(*args: Any) -> Any:
            started = perf_counter()
            result = function(*args)
            self.last_s = perf_counter()
            self.sampler_s += self.last_s - started
            return result

        return call

    def of(self, run: Callable[[], Outcome]) -> Outcome:
        """Run something, and add its profile to what it gives."""
        self.decode_s = self.sampler_s = self.first_s = self.last_s = 0.0
        self.n_steps = 0
        outcome = run()
        wall_s = self.last_s - self.first_s
        extra = {
            "steps_s": wall_s,
            "n_steps": self.n_steps,
            "decode_s": self.decode_s,
            "sampler_s": self.sampler_s,
            "python_s": wall_s - self.decode_s - self.sampler_s,
        }
        return replace(outcome, extra=extra)
