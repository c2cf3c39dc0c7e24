"""*Harm*: what each policy version does to the answers, as probes and judges see it."""

from __future__ import annotations

from scripts.observability.dashboard import (
    LOWER,
    RELOADS,
    ROLLOUTS,
    UPPER,
    Dashboard,
    Panel,
    Query,
    Row,
    Variable,
)
from scripts.observability.promql import quantile, rate, series, sum_by

_CHOSEN = ('model="$model"', 'policy=~"$policy"')
_VERSION = "{{policy}}@{{sha}}"


def _probe(name: str, *more: str) -> str:
    """One probe figure of the chosen model and policies."""
    return series(f"guardtune_probe_{name}", *_CHOSEN, *more)


def _of_version(name: str) -> str:
    return series(f"guardtune_probe_{name}", 'model="$model"', 'sha="$sha"')


def _change(kind: str, title: str, meaning: str) -> Panel:
    which = f'kind="{kind}"'
    return Panel(
        title,
        meaning,
        (
            Query(_probe("change_upper95", which), f"{_VERSION} upper 95 %"),
            Query(_probe("change", which), _VERSION),
            Query(_probe("change_lower95", which), f"{_VERSION} lower 95 %"),
        ),
        unit="percentunit",
        nothing="no policy has changed yet",
    )


_NOW = Row(
    "Now",
    (
        Panel(
            "Harmful rate",
            "Harmful share of the scored answers to harmful-leading probe prompts, last round.",
            (Query(_probe("harmful_ratio"), _VERSION),),
            kind="stat",
            unit="percentunit",
            width=8,
        ),
        Panel(
            "Over-refusal",
            "Share of benign probe prompts that were refused, last round. The price of safety.",
            (Query(_probe("over_refusal_ratio"), _VERSION),),
            kind="stat",
            unit="percentunit",
            width=8,
        ),
        Panel(
            "Since the last probe",
            "A figure is as fresh as its probe.",
            (Query(f"time() - {_probe('last_run_timestamp_seconds')}", _VERSION),),
            kind="stat",
            unit="s",
            width=8,
        ),
    ),
)

_OVER_TIME = Row(
    "Probes by policy version",
    (
        Panel(
            "Harmful rate",
            "Each round is another sample of prompts, the same for all versions of that round.",
            (Query(_probe("harmful_ratio"), _VERSION),),
            unit="percentunit",
        ),
        Panel(
            "Answers behind each rate",
            "Scored answers to harmful-leading prompts. A rate of few answers says little.",
            (Query(_probe("n"), _VERSION),),
        ),
        _change(
            "harmful",
            "Harmful rate: change since the version before",
            "On the same prompts with the same seeds. A lower end above 0 is worse for sure "
            "enough to raise the alert; an upper end below 0 is better.",
        ),
        _change(
            "over_refusal",
            "Over-refusal: change since the version before",
            "As beside it, for benign prompts that were refused.",
        ),
        Panel(
            "Over-refusal",
            "Share of benign probe prompts that were refused.",
            (Query(_probe("over_refusal_ratio"), _VERSION),),
            unit="percentunit",
        ),
        Panel(
            "Relevance",
            "Mean relevance of all scored probe answers; a policy that makes nonsense is no guard.",
            (Query(_probe("relevance"), _VERSION),),
            unit="percentunit",
        ),
    ),
)

_BAND = Row(
    "Each version with its 95 % interval",
    (
        Panel(
            "Harmful rate of $sha",
            "The band is Wilson's 95 % interval: where it overlaps another version's, nothing is "
            "shown by these two alone.",
            (
                Query(_of_version("harmful_upper95"), UPPER),
                Query(_of_version("harmful_ratio"), "harmful"),
                Query(_of_version("harmful_lower95"), LOWER),
            ),
            unit="percentunit",
            width=8,
            band=True,
            repeat="sha",
        ),
    ),
)


def _bounds(kind: str, title: str, meaning: str) -> Panel:
    def of_canary(name: str) -> str:
        return series(f"guardtune_rollout_{name}", *_CHOSEN, f'kind="{kind}"')

    return Panel(
        title,
        meaning,
        (
            Query(of_canary("upper95"), f"{_VERSION} upper"),
            Query(of_canary("lower95"), f"{_VERSION} lower"),
        ),
        unit="percentunit",
        nothing="there was no canary",
    )


_CANARIES = Row(
    "Canaries",
    (
        Panel(
            "Share of conversations",
            "Of those that match: 1 all of them, between 0 and 1 a canary's part, 0 rolled back.",
            (Query(series("guardtune_policy_share", _CHOSEN[1]), _VERSION),),
            unit="percentunit",
            width=8,
        ),
        Panel(
            "Steps",
            "Since the start. *Hold* is a look that decided nothing; *failed* means that the "
            "journal could not be written, so that nothing was decided.",
            (
                Query(
                    sum_by("policy, step", series("guardtune_rollout_steps_total", _CHOSEN[1])),
                    "{{policy}} {{step}}",
                ),
            ),
            kind="bars",
            width=8,
            nothing="there was no canary",
        ),
        Panel(
            "Pairs behind the bounds",
            "Prompts that the canary and the stable version have both a scored answer to.",
            (Query(series("guardtune_rollout_n", *_CHOSEN), f"{_VERSION} {{{{kind}}}}"),),
            kind="stat",
            width=8,
            nothing="there was no canary",
        ),
        _bounds(
            "harmful",
            "Harmful rate: canary minus stable version",
            "Over all rounds so far. Both bounds hold at every look together. A lower one above 0 "
            "takes the canary back; an upper one below 5 points is needed to promote it.",
        ),
        _bounds(
            "over_refusal",
            "Over-refusal: canary minus stable version",
            "As beside it. A lower bound above 5 points takes the canary back; an upper one below "
            "5 points is needed to promote it.",
        ),
    ),
)


def _share_by_category(kind: str, outcome: str) -> Query:
    """The share of scored answers to prompts of a kind; a category without any hit is 0."""
    of_kind = f'kind="{kind}"'
    scored = sum_by("category", _probe("answers_total", of_kind, 'outcome!="unscored"'))
    hits = sum_by("category", _probe("answers_total", of_kind, f'outcome="{outcome}"'))
    return Query(f"({hits} or 0 * {scored}) / {scored}", "{{category}}")


_WHERE = Row(
    "Where the harm is",
    (
        Panel(
            "Harmful share by category",
            "Of the scored answers to harmful-leading prompts, over all rounds of the versions "
            "chosen. Twelve categories share them, so each has few.",
            (_share_by_category("harmful", "harmful"),),
            kind="bars",
            unit="percentunit",
            width=8,
        ),
        Panel(
            "Harmless prompts refused, by category",
            "Of the scored answers to benign prompts, over all rounds of the versions chosen.",
            (_share_by_category("benign", "refusal"),),
            kind="bars",
            unit="percentunit",
            width=8,
        ),
        Panel(
            "Probe answers by outcome",
            "Over all rounds. *Unscored* is not *safe*: the judge could not decide, or no answer "
            "came.",
            (Query(sum_by("outcome", _probe("answers_total")), "{{outcome}}"),),
            kind="bars",
            width=8,
        ),
    ),
)

_JUDGED = rate("guardtune_judged_total", *_CHOSEN)
_UNSCORED = rate("guardtune_judged_total", *_CHOSEN, 'outcome="unscored"')
_USERS = Row(
    "Users' traffic",
    (
        Panel(
            "Answers by outcome",
            "As the model's judge sees them. Users' requests carry no labels: without a guard "
            "model nobody says whether an answer was harmful.",
            (Query(sum_by("outcome", _JUDGED), "{{outcome}}"),),
            kind="areas",
            unit="ops",
        ),
        Panel(
            "Median score",
            "Half of the answers score below. Unsafe is shown only where a judge scores it.",
            (
                Query(
                    quantile(0.5, "guardtune_judge_score", _CHOSEN[1], by="le, kind"),
                    "{{kind}}",
                ),
            ),
            unit="percentunit",
        ),
        Panel(
            "Unscored share",
            "Share of judged answers that the judge could not decide.",
            (Query(f"(sum({_UNSCORED}) or vector(0)) / sum({_JUDGED})", "unscored"),),
            unit="percentunit",
        ),
        Panel(
            "Never judged",
            "Answers that no judge saw, by reason. With the judged ones they add up to all.",
            (Query(sum_by("reason", rate("guardtune_unjudged_total")), "{{reason}}"),),
            unit="ops",
            nothing="every answer was judged",
        ),
    ),
)

HARM = Dashboard(
    uid="guardtune-harm",
    title="GuardTune: harm",
    description="How harmful, how relevant and how refusing the served model is under each policy "
    "version, and when that changed.",
    variables=(
        Variable("model", "Model", "guardtune_probe_n", is_multi=False),
        Variable("policy", "Policy", series("guardtune_probe_n", _CHOSEN[0])),
        Variable("sha", "Version", _probe("harmful_ratio"), is_hidden=True),
    ),
    rows=(_NOW, _OVER_TIME, _CANARIES, _BAND, _WHERE, _USERS),
    annotations=(RELOADS, ROLLOUTS),
    span="24h",
)
