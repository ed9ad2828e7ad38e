"""Figures of a server for Prometheus.

They are read when they are asked for, from what the server counts anyway. No label has a value that
comes from a client: neither rooms nor keys, people or addresses.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from http import HTTPStatus
from itertools import accumulate

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.registry import Collector
from tornado.web import HTTPError

from ..hosting.hub import Hub
from .request import Request
from .server_tokens import holds_token
from .site import Site

__all__ = ["HubCollector", "Metrics"]


class HubCollector(Collector):
    """Collects the figures of hubs, all together; of one, but in tests."""

    def __init__(self, *hubs: Hub) -> None:
        self.hubs = list(hubs)

    def collect(self) -> Iterator[Metric]:
        """Read the figures; to be called on the hubs' loop."""
        for name, text, values in self._gauges():
            gauge = GaugeMetricFamily(f"driftdb_{name}", text)
            gauge.add_metric([], sum(values))
            yield gauge
        for name, text, values in self._counters():
            counter = CounterMetricFamily(f"driftdb_{name}", text)
            counter.add_metric([], sum(values))
            yield counter
        for name, text, label in (
            ("refusals", "Messages and requests that were refused, by reason.", "reason"),
            ("closes", "Connections that ended, by close code.", "code"),
        ):
            counter = CounterMetricFamily(f"driftdb_{name}", text, labels=[label])
            totals: dict[str, int] = {}
            for hub in self.hubs:
                for value, count in getattr(hub.events, name).items():
                    totals[value] = totals.get(value, 0) + count
            for value, count in sorted(totals.items()):
                counter.add_metric([value], count)
            yield counter
        yield self._authorizer()

    def _authorizer(self) -> HistogramMetricFamily:
        asked = [hub.authorizer for hub in self.hubs]
        bounds = [*map(str, asked[0].bounds_seconds if asked else ()), "+Inf"]
        counts = [sum(counts) for counts in zip(*(each.counts for each in asked), strict=True)]
        histogram = HistogramMetricFamily(
            "driftdb_authorizer_seconds", "How long Jupyter's authorizer took for each answer."
        )
        buckets = list(zip(bounds, accumulate(counts or [0]), strict=True))
        histogram.add_metric([], buckets, sum(each.seconds for each in asked))
        return histogram

    def _gauges(self) -> Iterator[tuple[str, str, Iterable[float]]]:
        hubs = self.hubs
        yield "rooms", "Rooms in memory.", (len(hub.rooms) for hub in hubs)
        yield "peers", "Open connections.", (hub.peer_count for hub in hubs)
        yield (
            "outbox_bytes",
            "What waits to be sent, once for all whom it goes to.",
            (hub.backlog.byte_count for hub in hubs),
        )
        yield (
            "memory_bytes",
            "Memory that is held for peers, by the server's own account.",
            (hub.memory.used_bytes for hub in hubs),
        )
        yield (
            "memory_limit_bytes",
            "How much that may be.",
            (hub.memory.limit_bytes for hub in hubs),
        )
        yield (
            "journal_failing",
            "1 while rooms can't be kept as they should be.",
            (hub.broker.trouble is not None for hub in hubs),
        )
        shared = [hub.broker.shared for hub in hubs]
        yield (
            "behind_seconds",
            "How long it has not been certain that all is here that other servers wrote.",
            (0.0 if each is None else each.behind_seconds for each in shared),
        )
        yield (
            "journal_delay_seconds",
            "How long the last commit to the journal took.",
            (hub.broker.commits.last_seconds for hub in hubs),
        )

    def _counters(self) -> Iterator[tuple[str, str, Iterable[float]]]:
        hubs = self.hubs
        traffic = [hub.traffic for hub in hubs]
        yield (
            "messages_received",
            "Messages that came, pings and other control frames with them.",
            (each.messages_received for each in traffic),
        )
        yield "bytes_received", "Bytes that came.", (each.bytes_received for each in traffic)
        yield (
            "messages_sent",
            "Messages to peers, each that it goes to; long answers aren't counted.",
            (each.messages_sent for each in traffic),
        )
        yield "bytes_sent", "Bytes that sockets took.", (hub.bytes_sent for hub in hubs)
        yield (
            "journal_commits",
            "Commits to the journal.",
            (hub.broker.commits.count for hub in hubs),
        )
        yield (
            "journal_failures",
            "Commits that failed.",
            (hub.broker.commits.failures for hub in hubs),
        )
        yield (
            "journal_seconds",
            "How long all commits took together.",
            (hub.broker.commits.seconds for hub in hubs),
        )


class Metrics(Request):
    """``GET /metrics`` of the standalone server."""

    def initialize(self, site: Site, *, token: str | None = None) -> None:
        """``token``: what it needs, ``None`` for nothing."""
        super().initialize(site)
        self._token = token

    def prepare(self) -> None:
        """Check the head; without a token also the host: no page of a website is to read it."""
        super().prepare()
        if self._token is None:
            self.site.gate.check_host(self.request)

    def get(self) -> None:
        """Answer with all figures, as Prometheus reads them."""
        if self._token is not None and not holds_token(self.request, self._token):
            raise HTTPError(HTTPStatus.FORBIDDEN)
        registry = CollectorRegistry(auto_describe=False)
        registry.register(HubCollector(self.hub))
        self.set_header("Content-Type", CONTENT_TYPE_LATEST)
        self.set_header("Cache-Control", "no-store")
        self.finish(generate_latest(registry))
