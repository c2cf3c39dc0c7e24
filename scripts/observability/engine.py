"""*Engine*: models that run here, by llama-server's names: it reads a llama-server as well."""

from __future__ import annotations

from scripts.observability.dashboard import RELOADS, Dashboard, Panel, Query, Row, Variable
from scripts.observability.promql import rate, series, sum_by

_CHOSEN = 'model=~"$model"'


def _growth(metric: str, what: str) -> Query:
    """A counter's growth a second, by model."""
    return Query(sum_by("model", rate(metric, _CHOSEN)), f"{{{{model}}}} {what}")


def _last_hour(metric: str, what: str) -> Query:
    grown = f"increase({series(metric, _CHOSEN)}[1h])"
    return Query(sum_by("model", grown), f"{{{{model}}}} {what}")


def _now(metric: str, what: str) -> Query:
    return Query(series(metric, _CHOSEN), f"{{{{model}}}} {what}")


_SPEED = Row(
    "Speed",
    (
        Panel(
            "Tokens a second",
            "Over the clock, idle time included.",
            (
                _growth("llamacpp:tokens_predicted_total", "generated"),
                _growth("llamacpp:prompt_tokens_total", "prompt"),
            ),
        ),
        Panel(
            "Tokens a second while at it",
            "On average since the start: the engine's own speed.",
            (
                _now("llamacpp:predicted_tokens_seconds", "generated"),
                _now("llamacpp:prompt_tokens_seconds", "prompt"),
            ),
        ),
        Panel(
            "Time spent",
            "Seconds of each second that the engine computes prompts, or generates.",
            (
                _growth("llamacpp:prompt_seconds_total", "prompt"),
                _growth("llamacpp:tokens_predicted_seconds_total", "generating"),
            ),
            unit="percentunit",
        ),
        Panel(
            "Batches",
            "Batches decoded a second, and requests in a batch on average since the start.",
            (
                _growth("llamacpp:n_decode_total", "batches a second"),
                _now("llamacpp:n_busy_slots_per_decode", "requests a batch"),
            ),
        ),
    ),
)

_ROOM = Row(
    "Room",
    (
        Panel(
            "Slots",
            "Requests in slots, waiting for one, and how many may run together.",
            (
                _now("llamacpp:requests_processing", "running"),
                _now("llamacpp:requests_deferred", "waiting"),
                _now("guardtune_engine_slots", "slots"),
            ),
            width=8,
        ),
        Panel(
            "KV cache",
            "Share that is reserved.",
            (_now("llamacpp:kv_cache_usage_ratio", "reserved"),),
            unit="percentunit",
            width=8,
        ),
        Panel(
            "Longest sequence",
            "In tokens, so far.",
            (_now("llamacpp:n_tokens_max", "tokens"),),
            kind="stat",
            width=8,
        ),
    ),
)

_KEPT = Row(
    "What is kept",
    (
        Panel(
            "Prompt tokens not computed again",
            "Policies' beginnings and earlier turns of conversations, a second.",
            (
                _growth("guardtune_engine_prefix_tokens_total", "tokens"),
                _growth("guardtune_engine_prefix_hits_total", "requests"),
            ),
            width=8,
        ),
        Panel(
            "In the cache",
            "Shared beginnings, and finished turns that their conversations may go on from.",
            (
                _now("guardtune_engine_prefixes", "beginnings"),
                _now("guardtune_engine_turns", "turns"),
            ),
            width=8,
        ),
        Panel(
            "Made room, and restarts",
            "Background requests that gave way to users, and engine processes replaced, last hour.",
            (
                _last_hour("guardtune_engine_preemptions_total", "gave way"),
                _last_hour("guardtune_engine_restarts_total", "restarts"),
            ),
            kind="stat",
            width=8,
        ),
    ),
)

ENGINE = Dashboard(
    uid="guardtune-engine",
    title="GuardTune: engine",
    description="Models that run here: speed, room, and what need not be computed again.",
    variables=(Variable("model", "Model", "llamacpp:requests_processing"),),
    rows=(_SPEED, _ROOM, _KEPT),
    annotations=(RELOADS,),
    span="1h",
)
