"""Prometheus metrics: a catalogue of what exists, and what the rooms above record into."""

from proxy.metrics.catalogue import CATALOGUE, Spec
from proxy.metrics.recorder import Metrics
from proxy.metrics.request import RequestMeter

__all__ = ["CATALOGUE", "Metrics", "RequestMeter", "Spec"]
