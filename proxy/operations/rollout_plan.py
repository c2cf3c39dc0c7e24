"""How canaries are measured, and what is done about what was found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from proxy.operations.rollout_evidence import Found
from proxy.policy.rollout import Step

Auto = Literal["never", "rollback", "always"]
"""What is done without a person: nothing, only going back, or promoting as well."""


@dataclass(frozen=True, slots=True)
class RolloutPlan:
    """Pace and powers.

    Args:
        auto: which steps are taken without a person.
        interval_s: pause between two rounds while a canary is undecided.
        max_rounds: rounds at that pace; afterwards only those of the schedule count.
    """

    auto: Auto = "always"
    interval_s: float = 30.0
    max_rounds: int = 30

    def conclude(
        self,
        found: Found,
        *,
        elsewhere: Found,
        rounds: int,
        policy: str,
        is_shadow: bool = False,
        unmeasured: Sequence[str] = (),
    ) -> tuple[Step, str]:
        """Return what to do, and why in a few words.

        Args:
            found: by the newest look at one comparison of a canary.
            elsewhere: by the last looks at its other comparisons; ``better`` where all are.
            rounds: behind the newest look.
            policy: the canary's name, for what a person can do.
            is_shadow: whether only a person may promote it.
            unmeasured: models that it answers for and that are not probed: nobody gives it to all
                of their users unseen but a person.
        """
        step: Step = "hold"
        match found:
            case "worse" if self.auto == "never":
                why = f"Worse; to take it back: guardtune policy rollback {policy}."
            case "worse":
                step, why = "rollback", "Worse."
            case "better" if elsewhere != "better":
                why = "As good or better here, but not yet clear of every comparison."
            case "better" if unmeasured:
                why = (
                    f"As good or better, and not measured on {', '.join(unmeasured)} (see "
                    f"`probing.models`); to promote it: guardtune policy promote {policy}."
                )
            case "better" if self.auto == "always" and not is_shadow:
                step, why = "promote", "As good or better."
            case "better":
                why = f"As good or better; to promote it: guardtune policy promote {policy}."
            case _ if rounds >= self.max_rounds:
                why = "Still unclear; from now on only scheduled rounds are measured."
            case _:
                why = "Unclear yet."
        return step, why
