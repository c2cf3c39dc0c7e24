"""What the run was made of, how to make it again, and how to put its policy to use."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from proxy.evaluation.markup import Html, table, tag, text
from tuner.limit_wording import HANDLED
from tuner.report.parts import Json, caution, cells, code, lead, section


def provenance(document: Json, store: str) -> Iterator[Html]:
    """The last sections.

    Args:
        document: the page's.
        store: path of the store, for commands.
    """
    yield _promote(document, store)
    yield section("provenance", "Provenance", table(["", ""], list(_rows(document))))


def _promote(document: Json, store: str) -> Html:
    heading = "Promote this policy"
    if document["policy"] is None:
        return section("promote", heading, lead("There is no policy yet."))
    run, reason = document["result"]["run"], document["why_not"]
    command = shlex.join(["guardtune", "tune", "export", "--store", store, "--run", run])
    if reason is None:
        parts = [
            lead("Writes the policy, with provenance, where a running proxy picks it up; for "
                 "everybody, or for a tenth of the conversations first. The last command puts back "
                 "what was there before:"),
            tag("pre", text(f"{command}\n{command} --canary 0.1\n{command} --undo")),
        ]  # fmt: skip
    else:
        parts = [
            caution(f"Not given to users, because {reason}."),
            lead(
                "What is below is the best guess. Once tested it is written as a shadow, measured "
                "and given to nobody; only force gives it to users, and the file says so:"
            ),
            tag("pre", text(f"{command}\n{command} --force")),
        ]
    policy = tag("details", tag("summary", text("The policy file")),
                 tag("pre", text(document["policy"])))  # fmt: skip
    return section("promote", heading, *parts, policy)


def _rows(document: Json) -> Iterator[list[Html]]:
    result, model = document["result"], document["model"]
    identity = result["identity"]
    yield cells("run", f"{result['run']}, started {document['started']}, seed {result['seed']}, "
                       f"preset {result['preset']}")  # fmt: skip
    yield [text("model"), code(f"{model['name']} {model['sha256']}")]
    for name, digest in model.get("weights", {}).items():
        yield [text(f"model, {name}"), code(digest)]
    suite = identity["suite"]
    yield [text("prompts"), code(f"{suite['name']} {suite['sha256']}")]
    splits = ", ".join(
        f"{split} {kinds['harmful']} + {kinds['benign']}"
        for split, kinds in identity["splits"].items()
    )
    yield cells("splits, harmful-leading + benign", splits)
    yield cells("judge", identity["judge"])
    yield cells("base policy", identity["base"])
    genes = ", ".join(f"{count} {name}" for name, count in identity["genes"].items())
    yield cells("space", genes)
    limits = ", ".join(document["typed_limits"])
    yield cells("limits", f"{limits}; {HANDLED[result['constraints']]}")
    yield [text("journal of decisions, hash"), code(result["journal"])]
    yield cells("software", f"GuardTune {document['version']}, DEAP {identity['deap']}")
    yield [text("again"), tag("pre", text(_command(document)))]
    if document["given"]:
        yield cells("", f"and as they were given: {', '.join(document['given'])}")


def _command(document: Json) -> str:
    """The command line that starts the same search; paths of files given are not recorded."""
    result = document["result"]
    valued = [
        ("--preset", result["preset"]), ("--algorithm", result["algorithm"]),
        ("--seed", result["seed"]), ("--name", result["name"]), ("--judge", document["judge_spec"]),
        *(("--suite", spec) for spec in document["suites"]),
        *(("--limit", one) for one in document["changed_limits"]),
        ("--tokens", document["most_tokens"]), ("--writer-calls", document["writer_calls"]),
    ]  # fmt: skip
    words = [word for option, value in valued if value is not None for word in (option, str(value))]
    if result["constraints"] == "lagrangian":
        words += ["--constraints", "lagrangian"]
    if result["is_relevance_lexical"]:
        words.append("--allow-lexical")
    return shlex.join(["guardtune", "tune", "run", *words])
