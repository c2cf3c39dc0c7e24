"""The policy file, schema 1: what a policy may say, and the identity of what it says."""

from __future__ import annotations

import hashlib
import json
import re
from functools import cached_property
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError

from proxy.domain import PolicyRef
from proxy.policy.decoding import Decoding
from proxy.policy.provenance import Provenance
from proxy.policy.section import Section, Sequence, Text
from proxy.policy.wording import shown

SCHEMA = 1
MAX_DEMONSTRATIONS = 64

Placement = Literal["prepend", "append", "replace", "if_absent"]

_NAME_PATTERN = "^[a-z0-9-]{1,64}$"


def _name(given: str) -> str:
    if re.fullmatch(_NAME_PATTERN, given):
        return given
    slug = re.sub(r"[^a-z0-9]+", "-", given.lower()).strip("-")[:64]
    remedy = f" Did you mean `{slug}`?" if slug else ""
    said = f"{shown(given)} may hold only a-z, 0-9 and -, at most 64 characters.{remedy}"
    raise PydanticCustomError("policy", "{sentence}", {"sentence": said})


def _known_schema(given: int) -> int:
    if given == SCHEMA:
        return given
    said = f"{given} is unknown; this version reads schema {SCHEMA}. Upgrade guardtune, or write 1."
    raise PydanticCustomError("policy", "{sentence}", {"sentence": said})


Name = Annotated[str, AfterValidator(_name), Field(json_schema_extra={"pattern": _NAME_PATTERN})]
_Label = Annotated[str, Field(min_length=1, max_length=256)]
_Labels = Annotated[Sequence[_Label], Field(min_length=1, max_length=256)]


class Match(Section):
    """Which requests the policy is for; without it, all of them."""

    models: _Labels | None = None
    """Globs on the model name asked for, upper and lower case distinct; `*` also matches `/`."""

    keys: _Labels | None = None
    """Ids of API keys, never the keys themselves."""

    priority: Annotated[int, Field(ge=-1_000_000, le=1_000_000)] = 0
    """Among the policies that match, the highest wins."""


class Rollout(Section):
    """A canary: only part of the matching conversations get the policy."""

    share: Annotated[float, Field(ge=0.0, le=1.0)]
    """The part of conversations, 0 to 1; sticky per conversation. The others get the next match."""


def _offer_file(schema: dict[str, Any]) -> None:
    schema["properties"]["file"] = {
        "type": "string",
        "description": "Instead of `text`: a UTF-8 text file inside the policy folder, by its "
        "path relative to this policy file; no name in it begins with a dot.",
    }
    del schema["required"]
    schema["oneOf"] = [{"required": ["text"]}, {"required": ["file"]}]


class SystemPrompt(Section):
    """The policy's system prompt."""

    model_config = ConfigDict(json_schema_extra=_offer_file)

    text: Text
    """What the system message says. Blank space around it is dropped."""

    placement: Placement = "prepend"
    """Towards the client's own system message: before it, after it, in its place, or only where
    the client sent none."""


class Demonstration(Section):
    """One few-shot turn: what a user might say, and how the model should answer."""

    user: Text
    """What the user says."""

    assistant: Text
    """The answer to imitate."""


class Policy(Section):
    """One policy file with everything that it refers to."""

    model_config = ConfigDict(title="GuardTune policy", validate_by_name=True)

    schema_version: Annotated[
        int,
        AfterValidator(_known_schema),
        Field(alias="schema", json_schema_extra={"const": SCHEMA}),
    ]
    """The version of this format: 1."""

    name: Name
    """Unique among the policies; shown in the answer's `x-guardtune-policy` header."""

    description: Annotated[Text, Field(max_length=1000)] | None = None
    """One sentence for people."""

    match: Match = Match()
    """Which requests the policy is for, and which policy wins; without it, all requests."""

    rollout: Rollout | None = None
    """A canary share; without it, every matching conversation."""

    system_prompt: SystemPrompt | None = None
    """The policy's system prompt and where it goes."""

    demonstrations: Annotated[Sequence[Demonstration], Field(max_length=MAX_DEMONSTRATIONS)] = ()
    """Few-shot turns, placed after the system message. On small models the strongest lever."""

    decoding: Decoding = Decoding()
    """Decoding settings: a bare value is enforced, `{default: v}` fills a gap, `{min: a, max: b}`
    limits what the client asked for."""

    provenance: Provenance | None = None
    """Where the policy came from; written by the tuner, no part of the policy's identity."""

    def content(self) -> dict[str, Any]:
        """Return what the policy does, as plain data: no provenance, and nothing left at default.

        Leaving defaults out keeps a policy's identity when later versions add fields.
        """
        return self.model_dump(mode="json", exclude={"provenance"}, exclude_defaults=True)

    @cached_property
    def sha(self) -> str:
        """First 12 hex digits of the SHA-256 of the content as canonical JSON."""
        canonical = json.dumps(self.content(), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(canonical.encode("ascii")).hexdigest()[:12]

    @cached_property
    def phenotype(self) -> str:
        """Identity of what the policy does, whatever it is called: 16 hex digits of a sha256."""
        content = self.content()
        does = [content.get(part) for part in ("system_prompt", "demonstrations", "decoding")]
        return hashlib.sha256(json.dumps(does, sort_keys=True).encode()).hexdigest()[:16]

    @cached_property
    def ref(self) -> PolicyRef:
        """The policy's identity, ``name@sha``."""
        return PolicyRef(self.name, self.sha)

    @property
    def sets_prompt(self) -> bool:
        """Whether the policy adds to the conversation."""
        return self.system_prompt is not None or bool(self.demonstrations)

    def __hash__(self) -> int:
        return hash(self.ref)


PASSTHROUGH = Policy(schema_version=SCHEMA, name="passthrough")
"""What applies where no policy matches: it changes nothing. Its name is reserved."""
