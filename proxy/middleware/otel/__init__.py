"""OpenTelemetry: spans around a request, its policy, its models and its judge, and GenAI metrics.

Only `hooks` and `switch` are imported where nobody asks for it.
"""
