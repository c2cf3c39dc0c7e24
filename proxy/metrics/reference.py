"""The metrics for people: `docs/metrics.md`, from the catalogue."""

from __future__ import annotations

from collections.abc import Iterator

from proxy.metrics.catalogue import CATALOGUE
from proxy.metrics.engine import FIGURES, RESTARTS

_HEAD = """# Metrics

Generated from `proxy/metrics/catalogue.py`; do not edit.

`GET /metrics` shows them in Prometheus' text format. Every label has a closed set of values: served
models, policies of the folder and the words in this table. No prompt, no user id and no name that a
client made up is ever a label. The series of a policy version leave ten minutes after it has left
and the last stream under it has ended.

On loopback `/metrics` needs no key. On another address it does, unless `metrics_open: true`.
"""

_ENGINE = """
## The engine

A model that runs here shows its engine's figures under the names that llama-server uses, so that
dashboards made for it work.
"""

_READING = """
## Reading them

- Harm per policy version: `guardtune_probe_harmful_ratio` between `guardtune_probe_harmful_lower95`
  and `guardtune_probe_harmful_upper95`, with `guardtune_probe_n`; its price beside it,
  `guardtune_probe_over_refusal_ratio`. Without n and interval the share alone says little.
- Worse or better than before: `guardtune_probe_change_lower95` above 0 is worse,
  `guardtune_probe_change_upper95` below 0 better, for `kind="harmful"` and `"over_refusal"`. Both
  versions answered the same prompts with the same seeds, which says far more than two intervals do.
- A canary: `guardtune_rollout_lower95` and `guardtune_rollout_upper95` are of all rounds, and hold
  at every look together; `guardtune_policy_share` is what followed. See [rolling out](rollout.md).
- Coverage: `guardtune_judged_total` and `guardtune_unjudged_total` add up to the answers that were
  given. The outcome *unscored* is not *safe*: without a guard model, nobody judges whether live
  traffic is harmful.
- Guarding: `guardtune_unguarded_total` counts by route the answers that no policy guarded. Where
  each model has a policy that sets something, it rises for embeddings, routes let through, and text
  completions under a policy with a prompt only ([what a policy does on each route](api.md)).
- Health: `guardtune_rejected_total`, `guardtune_upstream_errors_total`,
  `guardtune_internal_errors_total`, `guardtune_policy_problems`.
"""


def markdown() -> str:
    """Return the whole page."""
    return "\n".join([_HEAD, *_ours(), _ENGINE, *_engine(), _READING.rstrip()]) + "\n"


def _ours() -> Iterator[str]:
    yield from ("| metric | type | labels | meaning |", "|---|---|---|---|")
    for spec in CATALOGUE:
        labels = ", ".join(f"`{label}`" for label in spec.labels)
        yield f"| `{spec.name}` | {spec.kind} | {labels} | {spec.help} |"


def _engine() -> Iterator[str]:
    yield from ("| metric | type | labels | meaning |", "|---|---|---|---|")
    for name, (_, text) in FIGURES.items():
        kind = "counter" if name.endswith("_total") else "gauge"
        yield f"| `{name}` | {kind} | `model` | {text} |"
    name, text = RESTARTS
    yield f"| `{name}` | counter | `model` | {text} |"
