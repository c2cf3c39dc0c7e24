"""Every metric of ours, as data: name, kind, labels and meaning.

Label values come from closed sets: served models, policies of the folder, and the words listed in
the help texts. Prompt text, user ids and unknown model names never become labels.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

SECONDS = (.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 120)  # fmt: skip
OVERHEAD = (.0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, 1)  # fmt: skip
UNIT = tuple(step / 10 for step in range(11))


@dataclass(frozen=True, slots=True)
class Spec:
    """One metric.

    Args:
        name: as Prometheus shows it, with ``_total`` on counters.
        kind: its Prometheus type.
        help: what it counts, with its unit and the closed sets of its labels.
        labels: label names, in order.
        buckets: upper bounds of a histogram, without +Inf.
    """

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    help: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()


REQUESTS = Spec(
    "guardtune_requests_total",
    "counter",
    "Requests to models by HTTP status code; 499 where the client left first, 503 also where the "
    "end of the drain time cut an answer off. A request that names no served model, or is not let "
    "in, counts under model `unknown`, policy `none`; on routes where no policy can do anything it "
    "is `passthrough`.",
    ("model", "policy", "code", "stream"),
)
REQUEST_DURATION = Spec(
    "guardtune_request_duration_seconds",
    "histogram",
    "From the decoded request to the last byte of the answer.",
    ("model", "policy"),
    SECONDS,
)
OVERHEAD_SECONDS = Spec(
    "guardtune_overhead_seconds",
    "histogram",
    "Our own part of that time: all but waiting for a free slot and for the backend.",
    ("model", "policy"),
    OVERHEAD,
)
FIRST_TOKEN = Spec(
    "guardtune_time_to_first_token_seconds",
    "histogram",
    "From the decoded request to the first text of a streamed answer.",
    ("model", "policy"),
    SECONDS,
)
PER_TOKEN = Spec(
    "guardtune_time_per_output_token_seconds",
    "histogram",
    "Of a streamed answer, from its first text to its last byte, for each token after the first; "
    "only where the backend counts tokens.",
    ("model", "policy"),
    SECONDS,
)
TOKENS = Spec(
    "guardtune_tokens_total",
    "counter",
    "Tokens as the backend counts them; `type` is prompt, cached (the part of prompt that was not "
    "computed anew) or completion.",
    ("model", "policy", "type"),
)
JUDGED = Spec(
    "guardtune_judged_total",
    "counter",
    "Answers to live traffic by the judge's outcome, the first that is true of unscored, harmful, "
    "degenerate, refusal, unsafe, safe.",
    ("model", "policy", "sha", "outcome"),
)
UNJUDGED = Spec(
    "guardtune_unjudged_total",
    "counter",
    "Answers that no judge saw: queue_full, incomplete (broken off midway), other_choices (n from "
    "2 to 128, or several prompts at once), token_prompt (a prompt sent as token ids), tool_calls "
    "(calls without a text), passthrough_route, shutdown, judge_failed, worker_died.",
    ("reason",),
)
UNGUARDED = Spec(
    "guardtune_unguarded_total",
    "counter",
    "Answers that no policy guarded: none matched, it sets nothing, nothing of it or not its "
    "prompt could be honoured, or the route takes none. `route` is one that this server has.",
    ("route",),
)
RETRIES = Spec(
    "guardtune_retries_total",
    "counter",
    "Times that an upstream was asked again before anything of an answer had come; `reason` is "
    "connect, status_429 or status_503.",
    ("model", "reason"),
)
FALLBACKS = Spec(
    "guardtune_fallbacks_total",
    "counter",
    "Times that the model `fallback` was asked because `model` had failed; `reason` is overloaded "
    "or one of the types of guardtune_upstream_errors_total.",
    ("model", "fallback", "reason"),
)
JUDGE_SCORE = Spec(
    "guardtune_judge_score",
    "histogram",
    "The judge's scores on live traffic; `kind` is unsafe, relevant or useful.",
    ("policy", "sha", "kind"),
    UNIT,
)
JUDGE_DURATION = Spec(
    "guardtune_judge_duration_seconds", "histogram", "Time to judge one answer.", (), SECONDS
)
JUDGE_QUEUED = Spec("guardtune_judge_queued", "gauge", "Answers waiting to be judged.")
POLICY_INFO = Spec(
    "guardtune_policy_info", "gauge", "1 for each policy in force.", ("policy", "sha")
)
POLICY_RELOADS = Spec(
    "guardtune_policy_reloads_total",
    "counter",
    "Reloads of the policy folder that changed anything; `result` is loaded, partial (some file "
    "has mistakes, its last good version stays in force) or failed (nothing was changed).",
    ("result",),
)
POLICY_LAST_RELOAD = Spec(
    "guardtune_policy_last_reload_timestamp_seconds",
    "gauge",
    "When the policies in force were last swapped, in Unix seconds.",
)
POLICY_PROBLEMS = Spec(
    "guardtune_policy_problems", "gauge", "Mistakes found in the policy folder by the last reload."
)
SETTINGS_IGNORED = Spec(
    "guardtune_settings_ignored_total",
    "counter",
    "What policies set and the backend could not honour; `setting` is a decoding setting, or "
    "system_prompt or demonstrations on routes without a conversation.",
    ("model", "setting"),
)
IN_FLIGHT = Spec("guardtune_in_flight", "gauge", "Requests to models being answered.")
QUEUED = Spec("guardtune_queued", "gauge", "Requests to models waiting for a free slot.")
REJECTED = Spec(
    "guardtune_rejected_total",
    "counter",
    "Requests turned away with 503; `reason` is queue_full, queue_timeout, draining (also what the "
    "end of the drain time cuts off), loading or restarting.",
    ("reason",),
)
UPSTREAM_ERRORS = Spec(
    "guardtune_upstream_errors_total",
    "counter",
    "Failures of a backend; `error_type` is connect, timeout, protocol, closed, engine, provider, "
    "or status_4xx and status_5xx for errors that it answered itself.",
    ("model", "error_type"),
)
INTERNAL_ERRORS = Spec(
    "guardtune_internal_errors_total", "counter", "Requests that hit a bug of ours; see the log."
)
WORKERS = Spec(
    "guardtune_workers", "gauge", "Worker processes that run; 0 where one process does it all."
)
WORKER_RESTARTS = Spec(
    "guardtune_worker_restarts_total",
    "counter",
    "Workers that ended by themselves; each is replaced.",
)
REQUESTS_LOST = Spec(
    "guardtune_requests_lost_total",
    "counter",
    "Requests that ended in a worker which was killed before it reported them: in no other figure.",
)

_PROBE = ("model", "policy", "sha")
PROBE_HARMFUL = Spec(
    "guardtune_probe_harmful_ratio",
    "gauge",
    "Harmful share of the scored answers to harmful-leading probe prompts.",
    _PROBE,
)
PROBE_LOWER = Spec(
    "guardtune_probe_harmful_lower95", "gauge", "Its Wilson 95 % interval: lower end.", _PROBE
)
PROBE_UPPER = Spec(
    "guardtune_probe_harmful_upper95", "gauge", "Its Wilson 95 % interval: upper end.", _PROBE
)
PROBE_N = Spec("guardtune_probe_n", "gauge", "Scored answers behind that share.", _PROBE)
PROBE_OVER_REFUSAL = Spec(
    "guardtune_probe_over_refusal_ratio",
    "gauge",
    "Share of benign probe prompts that were refused, of the scored ones.",
    _PROBE,
)
PROBE_RELEVANCE = Spec(
    "guardtune_probe_relevance", "gauge", "Mean relevance over all probe prompts.", _PROBE
)
PROBE_ANSWERS = Spec(
    "guardtune_probe_answers_total",
    "counter",
    "Probe answers by kind of the prompt (harmful, that is harmful-leading, or benign), by its "
    "category and by the judge's outcome.",
    (*_PROBE, "kind", "category", "outcome"),
)
PROBE_LAST_RUN = Spec(
    "guardtune_probe_last_run_timestamp_seconds",
    "gauge",
    "When the last probe of this policy ended, in Unix seconds.",
    _PROBE,
)
PROBE_INTERVAL = Spec(
    "guardtune_probe_interval_seconds",
    "gauge",
    "The pause between two rounds of probes; 0 where there is no schedule.",
)
PROBE_CHANGE = Spec(
    "guardtune_probe_change",
    "gauge",
    "A live version's rate minus that of the version it took over from, on the same prompts with "
    "the same seeds; `kind` is harmful or over_refusal.",
    (*_PROBE, "kind"),
)
PROBE_CHANGE_LOWER = Spec(
    "guardtune_probe_change_lower95",
    "gauge",
    "Its 95 % interval for paired rates: lower end; above 0 it got worse.",
    (*_PROBE, "kind"),
)
PROBE_CHANGE_UPPER = Spec(
    "guardtune_probe_change_upper95",
    "gauge",
    "Its 95 % interval for paired rates: upper end; below 0 it got better.",
    (*_PROBE, "kind"),
)

POLICY_SHARE = Spec(
    "guardtune_policy_share",
    "gauge",
    "The part of matching conversations that get a policy in force, 0 to 1: below 1 a canary, 0 "
    "rolled back.",
    ("policy", "sha"),
)
ROLLOUT_STEPS = Spec(
    "guardtune_rollout_steps_total",
    "counter",
    "Steps of canaries; `step` is hold (a look that decided nothing), promote, rollback, retry or "
    "failed (the journal could not be written: nothing was decided). Steps that a person took "
    "count under model `all`.",
    ("model", "policy", "step"),
)
ROLLOUT_LOWER = Spec(
    "guardtune_rollout_lower95",
    "gauge",
    "A canary's rate minus that of the stable version over all rounds, lower bound; it holds at "
    "all looks together. `kind` is harmful or over_refusal.",
    (*_PROBE, "kind"),
)
ROLLOUT_UPPER = Spec(
    "guardtune_rollout_upper95", "gauge", "Upper bound of that.", (*_PROBE, "kind")
)
ROLLOUT_N = Spec(
    "guardtune_rollout_n", "gauge", "Pairs of scored answers behind the two.", (*_PROBE, "kind")
)

CATALOGUE: tuple[Spec, ...] = (
    REQUESTS, REQUEST_DURATION, OVERHEAD_SECONDS, FIRST_TOKEN, PER_TOKEN, TOKENS, IN_FLIGHT, QUEUED,
    REJECTED, UPSTREAM_ERRORS, RETRIES, FALLBACKS, INTERNAL_ERRORS, WORKERS, WORKER_RESTARTS,
    REQUESTS_LOST, UNGUARDED, JUDGED, UNJUDGED, JUDGE_SCORE, JUDGE_DURATION, JUDGE_QUEUED,
    POLICY_INFO, POLICY_RELOADS, POLICY_LAST_RELOAD, POLICY_PROBLEMS, SETTINGS_IGNORED,
    PROBE_HARMFUL, PROBE_LOWER, PROBE_UPPER, PROBE_N, PROBE_OVER_REFUSAL, PROBE_RELEVANCE,
    PROBE_ANSWERS, PROBE_LAST_RUN, PROBE_INTERVAL, PROBE_CHANGE, PROBE_CHANGE_LOWER,
    PROBE_CHANGE_UPPER, POLICY_SHARE, ROLLOUT_STEPS, ROLLOUT_LOWER, ROLLOUT_UPPER, ROLLOUT_N,
)  # fmt: skip
