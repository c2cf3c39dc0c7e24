"""litellm against models of ours, in a process of its own: it leaves connections and loops behind.

Prints what came of each scene as one JSON object, model → scene → ``{"value": …}`` or
``{"error": …}``. Arguments: base URL, key, models.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable, Mapping
from typing import Any

from proxy.backends.litellm_sdk import _imported
from tests.conformance.clients.weather import WEATHER_TOOL

litellm, _failure = _imported()


class Scenes:
    """What is tried with one model.

    Args:
        base_url: the proxy's.
        key: an API key of it.
        model: its served name.
    """

    def __init__(self, base_url: str, key: str, model: str) -> None:
        self._place = {"api_base": base_url, "api_key": key, "max_retries": 0, "timeout": 60}
        self._model = model

    def asked(self, text: str = "hello", **fields: Any) -> dict[str, Any]:
        """What a user of litellm writes."""
        messages = [{"role": "user", "content": text}]
        place = {"model": f"openai/{self._model}", "messages": messages, **self._place}
        return {**place, **fields}

    def whole(self) -> Any:
        """One answer."""
        answer = litellm.completion(**self.asked())
        return [answer.choices[0].message.content, answer.usage.completion_tokens]

    def streamed(self) -> Any:
        """The same in pieces."""
        options = {"include_usage": True}
        chunks = list(litellm.completion(**self.asked(stream=True, stream_options=options)))
        return [_text(chunks), chunks[-1].usage.completion_tokens]

    def asynchronous(self) -> Any:
        """Both at once."""

        async def streamed() -> str:
            stream = await litellm.acompletion(**self.asked(stream=True))
            return _text([chunk async for chunk in stream])

        async def main() -> tuple[Any, str]:
            whole, text = await asyncio.gather(litellm.acompletion(**self.asked()), streamed())
            return whole.choices[0].message.content, text

        return asyncio.run(main())

    def tools(self) -> Any:
        """Calls: from one answer, and put together from a stream by litellm's own builder."""
        wants = {
            "tools": [WEATHER_TOOL],
            "tool_choice": "required",
            "parallel_tool_calls": False,
        }
        whole = litellm.completion(**self.asked("Weather in Paris?", **wants))
        chunks = list(litellm.completion(**self.asked("Weather?", stream=True, **wants)))
        calls = [
            answer.choices[0].message.tool_calls[0].function
            for answer in (whole, litellm.stream_chunk_builder(chunks))
        ]
        return [[call.name, call.arguments] for call in calls]

    def no_messages(self) -> Any:
        """A mistake."""
        return litellm.completion(**self.asked(messages=[]))

    def no_model(self) -> Any:
        """Another one."""
        return litellm.completion(**self.asked(model=f"openai/{self._model}x"))

    def wrong_key(self) -> Any:
        """A stranger."""
        return litellm.completion(**self.asked(api_key="sk-other"))

    def status_429(self) -> Any:
        """A model that has too much to do."""
        return litellm.completion(**self.asked("status 429"))

    def status_500(self) -> Any:
        """A model that has failed."""
        return litellm.completion(**self.asked("status 500"))

    def status_503(self) -> Any:
        """A model that is not there just now."""
        return litellm.completion(**self.asked("status 503"))

    def broken(self) -> Any:
        """A stream that breaks off."""
        return _text(list(litellm.completion(**self.asked("break", stream=True))))

    def timeout(self) -> Any:
        """A model that never answers."""
        return litellm.completion(**self.asked("wait", timeout=0.3))

    def others(self) -> Any:
        """The routes beside chat that litellm has for such a provider."""
        vectors = litellm.embedding(
            model=f"openai/{self._model}", input=["a"], encoding_format="float", **self._place
        )
        text = litellm.text_completion(
            model=f"text-completion-openai/{self._model}", prompt="a", **self._place
        )
        return [vectors.data[0]["embedding"], text.choices[0].text]


def _text(chunks: list[Any]) -> str:
    return "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)


def _played(scene: Callable[[], Any]) -> Mapping[str, Any]:
    try:
        return {"value": scene()}
    except _failure as error:
        return {"error": type(error).__name__}


def main() -> None:
    """Play all scenes that were asked for: ``model:scene,scene``."""
    base_url, key, *plans = sys.argv[1:]
    outcomes: dict[str, Any] = {}
    for plan in plans:
        model, _, names = plan.partition(":")
        scenes = Scenes(base_url, key, model)
        outcomes[model] = {name: _played(getattr(scenes, name)) for name in names.split(",")}
    sys.stdout.write(json.dumps(outcomes))


if __name__ == "__main__":
    main()
