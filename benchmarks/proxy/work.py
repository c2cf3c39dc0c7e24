"""The requests that are sent, and what each proxy does to them."""

from __future__ import annotations

KEY = "sk-benchmark"
MODEL = "mock"
CHAT_PATH = "/v1/chat/completions"
SYSTEM_PROMPT = "Be careful."
TEMPERATURE = 0.2

BODY = (
    b'{"model":"mock","messages":[{"role":"system","content":"You are helpful."},{"role":"user",'
    b'"content":"What is the capital of France? Answer in one sentence."}],"temperature":0.7,'
    b'"max_tokens":64}'
)
STREAM_BODY = BODY[:-1] + b',"stream":true}'

ANSWER = (
    b'{"id":"chatcmpl-1","object":"chat.completion","created":1700000000,"model":"mock","choices":'
    b'[{"index":0,"message":{"role":"assistant","content":"Hello there, this is a short answer '
    b'from the upstream model, used for measuring."},"finish_reason":"stop"}],"usage":'
    b'{"prompt_tokens":20,"completion_tokens":18,"total_tokens":38}}'
)


def request(body: bytes = BODY) -> bytes:
    """A whole request on the wire."""
    return (
        b"POST %b HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n"
        b"authorization: Bearer %b\r\ncontent-length: %d\r\n\r\n"
        % (CHAT_PATH.encode(), KEY.encode(), len(body))
    ) + body


POLICY = f"""\
schema: 1
name: benchmark
match:
  priority: 1
system_prompt:
  placement: prepend
  text: {SYSTEM_PROMPT}
decoding:
  temperature: {TEMPERATURE}
"""


def configuration(*, client: str, judge: str, mock_port: int, policies: str) -> str:
    """What ``guardtune serve`` is told: a key, a policy that changes the request, a judge.

    And to let in more streams at once than the 128 that it lets in by default.
    """
    return f"""\
policies: {policies}
log_level: error
limits:
  max_in_flight: 1024
keys:
  - id: benchmark
    secret_env: BENCHMARK_KEY
judging:
  judge: {judge}
models:
  - backend: openai
    name: {MODEL}
    base_url: http://127.0.0.1:{mock_port}/v1
    client: {client}
"""
