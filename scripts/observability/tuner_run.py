"""*Tuner run*: a search while it goes on, by `guardtune tune run --metrics-port`."""

from __future__ import annotations

from scripts.observability.dashboard import Dashboard, Panel, Query, Row, Variable
from scripts.observability.promql import rate, series, sum_by

_CHOSEN = 'run=~"$run"'


def _of_run(name: str, *more: str) -> str:
    return series(f"guardtune_tune_{name}", _CHOSEN, *more)


_NOW = Row(
    "Now",
    (
        Panel(
            "Stage",
            "What is being done: *search* only ranks, *validation* chooses, *test* says what is "
            "worth exporting.",
            (Query(f"{_of_run('stage')} == 1", "{{run}} {{stage}}"),),
            kind="stat",
            width=8,
        ),
        Panel(
            "Generation",
            "The one being tried, and the last one if nothing stops the search earlier.",
            (
                Query(_of_run("generation"), "{{run}} now"),
                Query(_of_run("generations"), "{{run}} last"),
            ),
            kind="stat",
            width=8,
        ),
        Panel(
            "Time left",
            "Until the time that the whole run aims at; prompts are adapted to it.",
            (Query(_of_run("seconds_left"), "{{run}}"),),
            kind="stat",
            unit="s",
            width=8,
        ),
    ),
)

_SEARCH = Row(
    "The search, on prompts that only rank",
    (
        Panel(
            "Hypervolume",
            "Share of harmful rate and relevance that the feasible survivors dominate; pessimistic "
            "is what the search compares by. It may fall: survivors answer more prompts, and luck "
            "wears off.",
            (Query(_of_run("hypervolume"), "{{run}} {{bounds}}"),),
            unit="percentunit",
        ),
        Panel(
            "Least harm so far",
            "Of the feasible survivor whose upper end is lowest. Chosen among many, it flatters: "
            "results come from the test split.",
            (
                Query(_of_run("best_harmful_upper95"), "{{run}} upper 95 %"),
                Query(_of_run("best_harmful_ratio"), "{{run}} harmful"),
            ),
            unit="percentunit",
        ),
        Panel(
            "Candidates",
            "Tried in finished generations.",
            (Query(_of_run("candidates"), "{{run}}"),),
            width=8,
        ),
        Panel(
            "Dropped by the race",
            "By why: a limit that is shown to be exceeded, a survivor that is better in both "
            "objectives, or no time or tokens left.",
            (Query(sum_by("reason", _of_run("dropped_total")), "{{reason}}"),),
            kind="bars",
            width=8,
            nothing="no candidate was dropped",
        ),
        Panel(
            "Answers behind the least harm",
            "Scored answers to harmful-leading prompts. A rate of few answers says little.",
            (Query(_of_run("best_n"), "{{run}}"),),
            width=8,
        ),
    ),
)

_COST = Row(
    "What it costs",
    (
        Panel(
            "Tokens",
            "Generated, those of stored answers included, as the search counts them at the end of "
            "each generation, and what `--tokens` allows.",
            (
                Query(_of_run("tokens_counted"), "{{run}} counted"),
                Query(_of_run("tokens_budget"), "{{run}} allowed"),
            ),
            width=8,
            nothing="no generation has ended yet",
        ),
        Panel(
            "Tokens a second",
            "Over the clock, time for judging included.",
            (Query(rate("guardtune_tune_tokens_total", _CHOSEN), "{{run}}"),),
            width=8,
        ),
        Panel(
            "Answers a second",
            "By how they ended; failed ones are asked again in the next run.",
            (
                Query(
                    sum_by("run, result", rate("guardtune_tune_answers_total", _CHOSEN)),
                    "{{run}} {{result}}",
                ),
            ),
            unit="ops",
            width=8,
        ),
    ),
)

TUNER_RUN = Dashboard(
    uid="guardtune-tuner",
    title="GuardTune: tuner run",
    description="How a search for a better policy stands: what it has found, and at what cost.",
    variables=(Variable("run", "Run", "guardtune_tune_info"),),
    rows=(_NOW, _SEARCH, _COST),
    span="1h",
)
