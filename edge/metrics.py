"""What is measured of an edge, by OpenTelemetry: for Prometheus on loopback, for OTLP by setting.

    soko_edge_device_up{device,driver}            1 while it is reachable
    soko_edge_device_starts_total{device}         how often its driver was started
    soko_edge_said_total{device,type}             what it said; its read rate is this, per second
    soko_edge_said_lag_seconds{device}            how old that was by the device's own time
    soko_edge_commands_total{device,outcome}      told, expired, repeated, untold, failed, dropped
    soko_edge_command_seconds{device}             from our hearing of it to the device's yes
    soko_edge_driver{device,figure}               what a driver counts and measures itself …
    soko_edge_driver_total{device,figure}         … and of that, what only grows
    soko_edge_uplink{figure}, _total{figure}      spool, clock, what was sent again

Figures are gathered in the event loop once a second; who asks gets the latest, and never waits
for a device. Seconds, or the unit that the figure's name ends in.

Source: OpenTelemetry metrics API 1.45; Prometheus exposition format.
"""

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager

from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.metrics import CallbackOptions, Observation
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import MetricReader, PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from prometheus_client import CollectorRegistry, start_http_server

from edge.agent import Agent
from edge.ports import HOST
from edge.upkeep import Outcome

GATHER_S = 1.0  # real
EXPORT_MS = 10_000
_BOUNDS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)

Row = tuple[Mapping[str, str], float]


class Metrics:
    """The instruments of one edge. Give it to the agent as its `watch`, run `gather` as a task."""

    def __init__(self, provider: MeterProvider) -> None:
        meter = provider.get_meter("soko.edge")
        self._rows: dict[str, list[Row]] = {}
        self._lag = meter.create_histogram(
            "soko_edge_said_lag", "s", explicit_bucket_boundaries_advisory=_BOUNDS_S
        )
        self._took = meter.create_histogram(
            "soko_edge_command", "s", explicit_bucket_boundaries_advisory=_BOUNDS_S
        )
        for name in ("device_up", "driver", "uplink"):
            meter.create_observable_gauge(f"soko_edge_{name}", [self._observe(name)])
        for name in ("device_starts", "said", "commands", "driver", "uplink"):
            key = f"{name}_total"
            meter.create_observable_counter(f"soko_edge_{name}_total", [self._observe(key)])

    def said(self, device: str, kind: str, lag_s: float) -> None:
        """A device said something that is so old."""
        self._lag.record(max(0.0, lag_s), {"device": device, "type": kind})

    def told(self, device: str, outcome: Outcome, took_s: float) -> None:
        """A command came to an end."""
        self._took.record(max(0.0, took_s), {"device": device, "outcome": outcome})

    async def gather(self, agent: Agent) -> None:
        """Read the figures of all devices again and again, until cancelled."""
        while True:
            self._rows = _rows(agent)
            await asyncio.sleep(GATHER_S)

    def _observe(self, key: str) -> Callable[[CallbackOptions], Iterable[Observation]]:
        def observe(_options: CallbackOptions) -> Iterable[Observation]:
            return [Observation(value, labels) for labels, value in self._rows.get(key, ())]

        return observe


@contextmanager
def measured(site: str, *, port: int, otlp_endpoint: str) -> Iterator[Metrics | None]:
    """Instruments that are read on that port of this machine, and sent to that endpoint.

    Nothing at all with port 0 and no endpoint.

    Raises:
        OSError: the port is taken.
    """
    if not port and not otlp_endpoint:
        yield None
        return
    registry = CollectorRegistry()
    readers: list[MetricReader] = []
    if port:
        readers.append(PrometheusMetricReader(registry=registry, scope_info_enabled=False))
    if otlp_endpoint:
        from opentelemetry.exporter.otlp.proto.http.metric_exporter import (  # noqa: PLC0415
            OTLPMetricExporter,
        )

        exporter = OTLPMetricExporter(endpoint=otlp_endpoint)
        readers.append(PeriodicExportingMetricReader(exporter, EXPORT_MS))
    resource = Resource({"service.name": "soko-edge", "service.instance.id": site})
    provider = MeterProvider(metric_readers=readers, resource=resource)
    server = start_http_server(port, addr=HOST, registry=registry)[0] if port else None
    try:
        yield Metrics(provider)
    finally:
        if server is not None:
            server.shutdown()
            server.server_close()
        provider.shutdown()


def _rows(agent: Agent) -> dict[str, list[Row]]:
    rows: dict[str, list[Row]] = {name: [] for name in ("device_up", "device_starts_total")}
    rows |= {name: [] for name in ("said_total", "commands_total")}
    rows |= {name: [] for name in ("driver", "driver_total", "uplink", "uplink_total")}
    for name, device in agent.devices.items():
        driver = str(agent.site.devices.get(name, {}).get("driver", ""))
        who, figures = {"device": name}, device.figures
        is_up = device.status is not None and device.status.status == "UP"
        rows["device_up"].append((who | {"driver": driver}, float(is_up)))
        rows["device_starts_total"].append((who, figures.starts))
        rows["said_total"] += [(who | {"type": k}, n) for k, n in figures.events.items()]
        rows["commands_total"] += [(who | {"outcome": k}, n) for k, n in figures.commands.items()]
        _split(rows, "driver", device.measured(), who)
    _split(rows, "uplink", agent.uplink.health(), {})
    return rows


def _split(
    rows: dict[str, list[Row]],
    name: str,
    figures: Mapping[str, float | int | str],
    who: Mapping[str, str],
) -> None:
    for figure, value in figures.items():
        if not isinstance(value, str):
            key = f"{name}_total" if figure.endswith("_total") else name
            rows[key].append(({**who, "figure": figure.removesuffix("_total")}, float(value)))
