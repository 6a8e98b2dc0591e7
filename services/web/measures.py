"""What a service counts about the requests it answers, in the Prometheus text format."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

if TYPE_CHECKING:
    from collections.abc import Callable

    from services.web.operations import Operation

_BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


class Measures:
    """Requests by operation and class of status, with their duration, and problems by type.

    Each service has a registry of its own, so that two of them can live in one process.
    """

    def __init__(self) -> None:
        """Begin at zero."""
        self._registry = CollectorRegistry()
        self._durations = Histogram(
            "govapp_request_duration_seconds",
            "Time from the arrival of a request to the end of its answer.",
            ("method", "route", "status"),
            registry=self._registry,
            buckets=_BUCKETS_S,
        )
        self._problems = Counter(
            "govapp_problems", "Problems answered, by type.", ("method", "route", "type"), registry=self._registry
        )
        self.in_flight = Gauge("govapp_requests_in_flight", "Requests being answered now.", registry=self._registry)
        self._series: dict[tuple[str | None, int], Histogram] = {}

    def count(self, operation: Operation | None, status: int, duration_s: float, problem: str | None) -> None:
        """Count one answered request; `operation` is None for a path or method that does not exist."""
        # Looking a series up by its labels costs more than counting, so each is kept once found. What callers invent
        # (paths, methods) never becomes a label.
        key = (operation.id if operation else None, status // 100)
        series = self._series.get(key)
        method, route = (operation.method, operation.template) if operation else ("", "unknown")
        if series is None:
            series = self._durations.labels(method, route, f"{status // 100}xx")
            self._series[key] = series
        series.observe(duration_s)
        if problem is not None:
            self._problems.labels(method, route, problem).inc()

    def watch(self, name: str, said: str, value: Callable[[], float]) -> None:
        """Show a value of the service's own, asked for whenever somebody looks."""
        Gauge(name, said, registry=self._registry).set_function(value)

    def exposition(self) -> bytes:
        """Give all series in the text format 0.0.4."""
        return generate_latest(self._registry)
