"""The request that is sent, and what each proxy does to it."""

from __future__ import annotations

KEY = "sk-benchmark"
SYSTEM_PROMPT = "Be careful."
TEMPERATURE = 0.2

BODY = (
    b'{"model":"mock","messages":[{"role":"system","content":"You are helpful."},{"role":"user",'
    b'"content":"What is the capital of France? Answer in one sentence."}],"temperature":0.7,'
    b'"max_tokens":64}'
)
REQUEST = (
    b"POST /v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n"
    b"authorization: Bearer %b\r\ncontent-length: %d\r\n\r\n" % (KEY.encode(), len(BODY))
) + BODY

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
    """What ``guardtune serve`` is told: a key, a policy that changes the request, a judge."""
    return f"""\
policies: {policies}
log_level: error
keys:
  - id: benchmark
    secret_env: BENCHMARK_KEY
judging:
  judge: {judge}
models:
  - backend: openai
    name: mock
    base_url: http://127.0.0.1:{mock_port}/v1
    client: {client}
"""
