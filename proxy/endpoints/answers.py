"""The routes that models answer on: bytes in, one walk through the pipeline, bytes out."""

from __future__ import annotations

from functools import partial

from starlette.types import Receive, Scope, Send

from proxy.errors import RequestError
from proxy.metrics import Metrics
from proxy.pipeline import Answer, Pipeline
from proxy.wire.client import CancelOnLeave, leaving_of, read_body
from proxy.wire.facts import RequestFacts, conversation_of, facts_of
from proxy.wire.respond import ChunkedResponse
from proxy.wire.routes import CHAT, Route


class Answers:
    """One route, without a Request object and without framework code around the stream.

    Args:
        pipeline: answers.
        metrics: counts requests that never reach the pipeline.
        route: which one; chat is the hot one.
    """

    def __init__(self, pipeline: Pipeline, metrics: Metrics, route: Route = CHAT) -> None:
        self._pipeline = pipeline
        self._metrics = metrics
        self._route = route

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; failures are raised to the errors middleware."""
        facts = facts_of(scope)
        try:
            request = self._route.decode(
                await read_body(receive),
                request_id=facts.request_id,
                key_id=facts.key_id,
                conversation=conversation_of(facts.fields),
            )
        except RequestError as error:
            self._metrics.refused(error.status)
            raise
        with CancelOnLeave(receive, leaving_of(scope)) as watch:
            response = await self._pipeline.answer(
                request, partial(_deliver, send, facts), self._route, has_left=watch.has_left
            )
            # The slot is free and the upstream done before the client hears of the end.
            watch.disarm()
            await response.end()


async def _deliver(send: Send, facts: RequestFacts, answer: Answer) -> ChunkedResponse:
    """Send all but the end."""
    response = ChunkedResponse(send, answer.status, answer.headers)
    facts.log.update(model=answer.model, policy=answer.policy, stream=response.is_stream)
    if answer.body is None:
        await response.send_chunks(answer.chunks)
    else:
        response.keep(answer.body)
    return response
