"""How well demonstrations let a model tell harmful requests from look-alikes, by one token each.

A refusal begins as the safe demonstrations do ("I'm sorry"). How likely that is can be read off the
first token: a fraction of an answer's price, and a number where an answer is only a yes or no. The
area under the ROC curve says how often a harmful request makes it likelier than a look-alike does.
Where the line between the two is drawn is decoding's matter: each seed's first tokens, sampled as
it says, tell how many of either kind it declines, before it is worth a whole answer.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

from proxy.backends import registry as backends
from proxy.backends.base import Backend
from proxy.backends.config import ModelConfig
from proxy.domain import ChatRequest, Prompt
from proxy.errors import JudgeError, Problem, SuiteError
from proxy.evaluation.interrupt import INTERRUPTED, interruptible
from proxy.evaluation.model_choice import choose_model, in_flight, wide
from proxy.evaluation.run import generate, sampling_seed
from proxy.evaluation.statistics import Interval, Rate, a12, a12_interval
from proxy.judges.asking import LOGPROBS, Asker, Question
from proxy.policy.apply import apply
from proxy.policy.schema import PASSTHROUGH, Policy
from proxy.suites.loaders import load_suites
from tuner.fit import fitted
from tuner.genome import Genome, to_policy
from tuner.pools import Pools
from tuner.space import DEFAULT_SPACE, Seed, Space, load_space


def add_arguments(parser: argparse.ArgumentParser, output: Path) -> None:
    """What the sub-command takes."""
    parser.add_argument("--prompts", type=int, default=60, help="of each kind")
    parser.add_argument("--after", type=int, default=0, metavar="N",
                        help="leave out the first N, on which something was chosen")  # fmt: skip
    parser.add_argument("--model", help="as for `guardtune tune run` (default: the embedded one)")
    parser.add_argument("--suite", action="append", metavar="NAME[:PATH]")
    parser.add_argument("--space", type=Path, default=DEFAULT_SPACE)
    parser.add_argument("--split", choices=["search", "validation"], default="search",
                        help="validation is to report on, not to choose on")  # fmt: skip
    parser.add_argument("--seed", type=int, default=1, help="of the prompts' order")
    parser.add_argument("--output", type=Path, default=output)


@dataclass(frozen=True, slots=True)
class Opening:
    """How a policy's refusals begin, and its answers.

    Args:
        safe: assistant turns of the safe demonstrations.
        benign: those of the benign ones.
    """

    safe: tuple[str, ...]
    benign: tuple[str, ...]

    @classmethod
    def of(cls, genome: Genome, space: Space) -> Self:
        """What a genome's demonstrations say."""
        said: dict[str, list[str]] = {"safe": [], "benign": []}
        for name in genome.demonstrations:
            example = space.examples[name]
            said[example.kind].append(example.assistant.strip())
        return cls(tuple(said["safe"]), tuple(said["benign"]))

    def chance(self, first: Mapping[str, float]) -> float:
        """How likely an answer begins as a safe demonstration does and no benign one; [0, 1].

        Args:
            first: token → probability of being the first one, for the likeliest.
        """
        return sum(chance for token, chance in first.items() if self.declines(token))

    def declines(self, token: str) -> bool:
        """Whether an answer with this first token begins as a safe demonstration and no benign one.

        A benign text excludes whole words only: "In" begins with the letter of "I'm".
        """
        token = token.strip()
        word = re.compile(rf"{re.escape(token)}(?!\w)")
        begins = any(text.startswith(token) for text in self.safe)
        return bool(token) and begins and not any(word.match(text) for text in self.benign)


@dataclass(frozen=True, slots=True)
class Telling:
    """How far apart a policy's demonstrations set the two kinds.

    Args:
        harmful: chance of a refusal's beginning, for each harmful request.
        alike: for each look-alike.
    """

    harmful: tuple[float, ...]
    alike: tuple[float, ...]

    @property
    def area(self) -> float:
        """Under the ROC curve: 1 tells all apart, .5 none."""
        return a12(self.harmful, self.alike)

    @property
    def interval(self) -> Interval:
        """Its 95 % interval."""
        return a12_interval(self.area, len(self.harmful), len(self.alike))

    def as_json(self) -> dict[str, Any]:
        """Rounded, with n."""
        return {
            "area": round(self.area, 4),
            "interval": _ends(self.interval),
            "n": [len(self.harmful), len(self.alike)],
        }


@dataclass(frozen=True, slots=True)
class Line:
    """What a seed declines, by how its answers begin.

    Args:
        harmful: of the harmful requests.
        alike: of the look-alikes.
    """

    harmful: Rate
    alike: Rate

    def as_json(self) -> dict[str, Any]:
        """Rounded, with n."""
        return {"harmful": _rate(self.harmful), "alike": _rate(self.alike)}


def _rate(rate: Rate) -> dict[str, Any]:
    return {"value": round(rate.value, 4), "interval": _ends(rate.interval), "n": rate.n}


def _ends(interval: Interval) -> list[float]:
    return [round(interval.low, 4), round(interval.high, 4)]


@dataclass(frozen=True, slots=True)
class Told:
    """What was measured.

    Args:
        tellings: by the names of seeds that differ in decoding alone.
        lines: by the name of each seed.
    """

    tellings: Mapping[str, Telling]
    lines: Mapping[str, Line]


def measure(arguments: argparse.Namespace) -> int:
    """Measure every seed of a library that has demonstrations of both kinds, and write JSON.

    Returns:
        0, or 130 after Ctrl-C; whoever calls it turns errors into an exit status.
    """
    library = arguments.space.read_text(encoding="utf-8")
    load_space(arguments.space, text=library)
    model = wide(choose_model(arguments.model))
    fit = fitted(library, model, asyncio.run(backends.capabilities_of(model)))
    sys.stderr.write(f"{fit.note}\n" if fit.note else "")
    space = load_space(text=fit.text)
    asking = _told(model, space, _prompts(arguments), run_seed=arguments.seed)
    try:
        told = asyncio.run(interruptible(asking))
    except asyncio.CancelledError:
        return INTERRUPTED
    result = {
        "made_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "model": model.name,
        "space_sha256": hashlib.sha256(library.encode()).hexdigest(),
        "suites": [name.partition(":")[0] for name in arguments.suite or ["builtin"]],
        "split": arguments.split, "seed": arguments.seed, "after": arguments.after,
        "seeds": {name: telling.as_json() for name, telling in told.tellings.items()},
        "lines": {name: line.as_json() for name, line in told.lines.items()},
    }  # fmt: skip
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    arguments.output.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    sys.stdout.write(printed(told, arguments.split))
    return 0


def _prompts(arguments: argparse.Namespace) -> tuple[Sequence[Prompt], ...]:
    """Harmful ones and look-alikes of one split; that of the test stays unseen."""
    suite = load_suites(tuple(arguments.suite or ["builtin"]))
    pools = Pools.of(suite, arguments.split, seed=arguments.seed)
    alike = tuple(prompt for prompt in pools.benign if prompt.is_lookalike)
    asked = slice(arguments.after, arguments.after + arguments.prompts)
    found = pools.harmful[asked], alike[asked]
    if not all(found):
        there = f"{len(pools.harmful)} harmful prompts and {len(alike)} look-alikes"
        has = f"nothing to compare: the {arguments.split} split has {there}"
        said = f"{has}. Lower it, or add a --suite."
        raise SuiteError((Problem(f"--after {arguments.after}", said),))
    return found


async def _told(
    model: ModelConfig, space: Space, kinds: tuple[Sequence[Prompt], ...], *, run_seed: int
) -> Told:
    backend = backends.create(model)
    await backend.start()
    try:
        asking = _Asking(backend, space, in_flight=in_flight(model), run_seed=run_seed)
        groups = _telling_seeds(space)
        tellings = {
            ", ".join(seed.name for seed in seeds): Telling(
                *[await asking.chances(seeds[0], prompts) for prompts in kinds]
            )
            for seeds in groups
        }
        lines = {
            seed.name: Line(*[await asking.declined(seed, prompts) for prompts in kinds])
            for seeds in groups
            for seed in seeds
        }
        return Told(tellings, lines)
    finally:
        await backend.close()


def _telling_seeds(space: Space) -> list[list[Seed]]:
    """Seeds with demonstrations of both kinds, those together that differ in decoding alone."""
    said: dict[object, list[Seed]] = {}
    for seed in space.seeds:
        if {space.examples[name].kind for name in seed.demonstrations} == {"safe", "benign"}:
            said.setdefault((tuple(seed.slots.items()), seed.demonstrations), []).append(seed)
    return list(said.values())


class _Asking:
    """A model's first tokens.

    Args:
        backend: started.
        space: the library.
        in_flight: prompts asked at once.
        run_seed: of the sampling.
    """

    def __init__(self, backend: Backend, space: Space, *, in_flight: int, run_seed: int) -> None:
        self._backend = backend
        self._space = space
        self._asker = Asker(backend, concurrency=in_flight, called="model")
        self._room = asyncio.Semaphore(in_flight)
        self._run_seed = run_seed

    async def chances(self, seed: Seed, prompts: Sequence[Prompt]) -> tuple[float, ...]:
        """How likely each answer begins as a refusal does.

        Raises:
            JudgeError: the model gives no log-probabilities.
        """
        policy, opening = self._policy(seed)
        said = await asyncio.gather(
            *(self._asker.ask(_question(policy, prompt, self._backend)) for prompt in prompts)
        )
        if not all(one.tokens for one in said):
            name = self._backend.model
            raise JudgeError(f"{name} gives no log-probabilities. Choose another --model.")
        return tuple(opening.chance(one.tokens[0].rivals) for one in said)

    async def declined(self, seed: Seed, prompts: Sequence[Prompt]) -> Rate:
        """How many answers do begin so, sampled as the seed says, with its biases.

        Raises:
            JudgeError: the model does not answer.
        """
        policy, opening = self._policy(seed)
        said = await asyncio.gather(*(self._first(policy, prompt) for prompt in prompts))
        return Rate.of(map(opening.declines, said))

    async def _first(self, policy: Policy, prompt: Prompt) -> str:
        sampling = sampling_seed(self._run_seed, prompt.id)
        async with self._room:
            answer = await generate(self._backend, policy, prompt, seed=sampling, max_tokens=1)
        if answer.error is not None:
            raise JudgeError(f"{self._backend.model} does not answer ({answer.error}).")
        return answer.text

    def _policy(self, seed: Seed) -> tuple[Policy, Opening]:
        genome = Genome.of_seed(seed, self._space)
        policy = to_policy(genome, self._space, PASSTHROUGH, name="candidate")
        return policy, Opening.of(genome, self._space)


def _question(policy: Policy, prompt: Prompt, backend: Backend) -> Question:
    """Decoding settings do not matter: what is read is what the model itself holds likely."""
    request = ChatRequest(
        model=backend.model, messages=({"role": "user", "content": prompt.text},), fields={}
    )
    messages = apply(policy, request, backend.capabilities).request.messages
    return Question(messages, max_tokens=1, extras={"logprobs": LOGPROBS})


def printed(told: Told, split: str) -> str:
    """Two tables for a terminal."""
    width = max(map(len, (*told.tellings, *told.lines)), default=0) + 2
    what = "Area under the ROC curve, harmful + look-alikes:"
    lines = [f"{split.capitalize()} split: no result of a policy. {what}"]
    lines += [
        f"  {name:{width}}{telling.area:.2f} [{telling.interval.low:.2f}, "
        f"{telling.interval.high:.2f}], n = {len(telling.harmful)} + {len(telling.alike)}"
        for name, telling in told.tellings.items()
    ]
    lines.append("Answers that begin as a refusal, harmful requests | look-alikes:")
    lines += [f"  {name:{width}}{line.harmful} | {line.alike}" for name, line in told.lines.items()]
    return "\n".join(lines) + "\n"
