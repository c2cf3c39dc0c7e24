"""*Traffic*: what users ask for, how long it takes, and what goes wrong."""

from __future__ import annotations

from scripts.observability.dashboard import RELOADS, Dashboard, Panel, Query, Row, Variable
from scripts.observability.promql import quantile, rate, series, sum_by

_MODEL = 'model=~"$model"'
_CHOSEN = (_MODEL, 'policy=~"$policy"')


def _quantiles(metric: str, *shares: float) -> tuple[Query, ...]:
    return tuple(Query(quantile(share, metric, *_CHOSEN), f"p{100 * share:g}") for share in shares)


def _share(code: str) -> str:
    """The share of requests with such a status."""
    some = rate("guardtune_requests_total", *_CHOSEN, f'code=~"{code}"')
    return f"(sum({some}) or vector(0)) / sum({_ALL})"


_ALL = rate("guardtune_requests_total", *_CHOSEN)

_REQUESTS = Row(
    "Requests",
    (
        Panel(
            "Requests by status",
            "499: the client left first.",
            (Query(sum_by("code", _ALL), "{{code}}"),),
            kind="areas",
            unit="reqps",
        ),
        Panel(
            "Share of errors",
            "Of all requests: ours and the backend's (5xx), and the client's (4xx).",
            (Query(_share("5.."), "5xx"), Query(_share("4.."), "4xx")),
            unit="percentunit",
        ),
        Panel(
            "Requests by policy",
            "Which policy answers whom; a canary shows its share here.",
            (Query(sum_by("policy", _ALL), "{{policy}}"),),
            kind="areas",
            unit="reqps",
        ),
        Panel(
            "Tokens",
            "As the backend counts them; *cached* is the part of *prompt* not computed anew.",
            (Query(sum_by("type", rate("guardtune_tokens_total", *_CHOSEN)), "{{type}}"),),
        ),
    ),
)

_TIMES = Row(
    "Times",
    (
        Panel(
            "Whole answer",
            "From the decoded request to the last byte.",
            _quantiles("guardtune_request_duration_seconds", 0.5, 0.95, 0.99),
            unit="s",
            width=6,
        ),
        Panel(
            "Time to first token",
            "Of streamed answers.",
            _quantiles("guardtune_time_to_first_token_seconds", 0.5, 0.95, 0.99),
            unit="s",
            width=6,
        ),
        Panel(
            "Time for each further token",
            "Of streamed answers whose tokens the backend counts.",
            _quantiles("guardtune_time_per_output_token_seconds", 0.5, 0.95, 0.99),
            unit="s",
            width=6,
        ),
        Panel(
            "Our own part",
            "All but waiting for a free slot and for the backend.",
            _quantiles("guardtune_overhead_seconds", 0.5, 0.99),
            unit="s",
            width=6,
        ),
    ),
)

_LOAD = Row(
    "Load",
    (
        Panel(
            "In flight and queued",
            "Requests being answered, and waiting for a free slot.",
            (
                Query("sum(guardtune_in_flight)", "in flight"),
                Query("sum(guardtune_queued)", "queued"),
            ),
            width=8,
        ),
        Panel(
            "Turned away",
            "With 503, by reason.",
            (Query(sum_by("reason", rate("guardtune_rejected_total")), "{{reason}}"),),
            unit="reqps",
            width=8,
            nothing="nobody was turned away",
        ),
        Panel(
            "Judging",
            "Answers waiting for the judge, and the seconds it takes for one at the 95th "
            "percentile.",
            (
                Query("sum(guardtune_judge_queued)", "queued"),
                Query(quantile(0.95, "guardtune_judge_duration_seconds"), "seconds, p95"),
            ),
            width=8,
        ),
    ),
)

_FAULTS = Row(
    "What goes wrong",
    (
        Panel(
            "Backend errors",
            "By model and kind.",
            (
                Query(
                    sum_by("model, error_type", rate("guardtune_upstream_errors_total", _MODEL)),
                    "{{model}} {{error_type}}",
                ),
            ),
            unit="ops",
            width=8,
            nothing="no backend failed",
        ),
        Panel(
            "Settings ignored",
            "Policy settings that a backend could not honour, by name.",
            (
                Query(
                    sum_by("model, setting", rate("guardtune_settings_ignored_total", _MODEL)),
                    "{{model}} {{setting}}",
                ),
            ),
            unit="ops",
            width=8,
            nothing="every setting was honoured",
        ),
        Panel(
            "Policy files",
            "Mistakes found by the last reload, and requests that hit a bug of ours.",
            (
                Query("sum(guardtune_policy_problems)", "mistakes in policy files"),
                Query("sum(increase(guardtune_internal_errors_total[1h]))", "our bugs, last hour"),
            ),
            kind="stat",
            width=8,
        ),
    ),
)

_GUARD = Row(
    "Who answers, and under what",
    (
        Panel(
            "Unguarded",
            "Answers that no policy guarded, by route.",
            (Query(sum_by("route", rate("guardtune_unguarded_total")), "{{route}}"),),
            unit="ops",
            width=12,
            nothing="a policy guarded every answer",
        ),
        Panel(
            "Asked again, or another instead",
            "Before anything of an answer had come: the same upstream once more, or a model's "
            "fallback.",
            (
                Query(
                    sum_by("model, reason", rate("guardtune_retries_total", _MODEL)),
                    "{{model}} again: {{reason}}",
                ),
                # All models: one that never answers itself is in no list to choose from.
                Query(
                    sum_by("model, fallback, reason", rate("guardtune_fallbacks_total")),
                    "{{fallback}} for {{model}}: {{reason}}",
                ),
            ),
            unit="ops",
            width=12,
            nothing="every upstream answered at once",
        ),
    ),
)

TRAFFIC = Dashboard(
    uid="guardtune-traffic",
    title="GuardTune: traffic",
    description="What users ask for, how long it takes, and what goes wrong.",
    variables=(
        Variable("model", "Model", "guardtune_requests_total"),
        Variable("policy", "Policy", series("guardtune_requests_total", _MODEL)),
    ),
    rows=(_REQUESTS, _TIMES, _LOAD, _FAULTS, _GUARD),
    annotations=(RELOADS,),
    span="1h",
)
