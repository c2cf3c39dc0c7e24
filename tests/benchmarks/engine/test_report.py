import json
from typing import Any

from benchmarks.engine.measures import Figures
from benchmarks.engine.records import Record
from benchmarks.engine.report import markdown, result

_ABOUT: dict[str, Any] = {
    "made_at": "2026-11-28T11:00:00+00:00",
    "command": "python -m benchmarks.engine",
    "machine": {
        "cpu": "Example", "cpu_flags": "avx2", "cores": 2, "memory_gib": 8, "load_1min_before": 0.1
    },
    "versions": {"python": "3.11.7"},
    "settings": {
        "weights": "F16", "model_sha256": "ab" * 32, "threads": 2, "omp_wait_policy": "PASSIVE",
        "slots": 16, "n_ctx_tokens": 8192, "n_repeats": 2,
    },
}  # fmt: skip


def _record(repeat: int, contender: str, speed: float) -> Record:
    itl = (float("nan"),) * 2 if contender == "high_level" else (50.0, 90.0)
    figures = Figures(1.0, 64, 100, 0, speed, (10.0, 20.0), itl, 300.0, {})
    return Record(repeat, "16 own", contender, figures)


def _records() -> list[Record]:
    return [
        _record(0, "guardtune", 120.0),
        _record(0, "native", 100.0),
        _record(1, "guardtune", 99.0),
        _record(1, "native", 110.0),
        _record(1, "high_level", 10.0),
        Record(1, "16 shared", "native", None, "no such file"),
    ]


def test_named_ratios_are_numbers_at_the_top() -> None:
    """Whoever reads the file need not know how ratios are kept."""
    found = result(_records(), about=_ABOUT)

    assert found["ratio_vs_native_16"] == 1.05
    assert found["ratios"]["ratio_vs_native_16"]["minimum"] == 0.9
    assert found["ratios"]["ratio_vs_native_16"]["is_met"] is True


def test_the_page_comes_from_the_file_alone() -> None:
    """What was read back gives the same page."""
    found = result(_records(), about=_ABOUT)

    assert markdown(json.loads(json.dumps(found))) == markdown(found)


def test_the_page_shows_medians_with_their_spread() -> None:
    """A single number would hide how noisy the machine is."""
    page = markdown(result(_records(), about=_ABOUT))

    assert "| 16 own | GuardTune's engine, in process | 109.5 [99.0, 120.0] | 10 / 20 |" in page
    assert "| `ratio_vs_native_16` | 1.050 [0.900, 1.200] | 2 | ≥ 1 | met |" in page


def test_the_page_has_a_dash_where_nothing_was_streamed() -> None:
    """NaN is no latency."""
    page = markdown(result(_records(), about=_ABOUT))

    assert "10 / 20 | - | 300 | 1 |" in page


def test_the_page_names_what_failed() -> None:
    """A contender that could not run is not left out silently."""
    page = markdown(result(_records(), about=_ABOUT))

    assert "- 1/16 shared/native: no such file" in page
