"""What is measured of the WMS, and where a request went: by OpenTelemetry.

    soko_http_request_seconds{method,door,status}   to the first byte; door: of wms.api.doors
    soko_queue{figure}, soko_queue_total{figure}    the coalescer's lines: depth; asked, refused …
    soko_connections{figure}                        of the pool: in_use, size
    soko_conflicts_total                            transactions that PostgreSQL told to start over
    soko_job_seconds{job}                           one run of a job of the worker that had work
    soko_job_failures_total{job}                    and those that failed
    soko_waiting{what}, soko_oldest_seconds{what}   what waits, since when (wms.standing)
    soko_following, soko_follow_lag_bytes           who keeps the log of changes (wms.backup)
    soko_database_bytes                             how large it is

Read by Prometheus on loopback (SOKO_METRICS_PORT), sent to a collector (SOKO_OTLP_ENDPOINT); a
span for each request, job and statement goes to SOKO_OTLP_TRACES. Without these nothing is
measured, and nothing is paid. Labels are of short lists that we know, never what somebody sent;
statements are told without what was filled in. A trace that a caller began is gone on with.

Source: OpenTelemetry API 1.45; W3C Trace Context; Prometheus exposition format.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from time import perf_counter, time_ns
from typing import TYPE_CHECKING, Any

from opentelemetry import trace
from opentelemetry.metrics import CallbackOptions, MeterProvider, Observation
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from sqlalchemy import Engine, event

from wms.job import Job
from wms.settings import Settings

if TYPE_CHECKING:  # a third of a second at each start, where most measure nothing
    from opentelemetry.sdk.metrics.export import MetricReader
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SpanExporter

LOOPBACK = "127.0.0.1"
EXPORT_MS = 10_000
_BOUNDS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)

Found = list[tuple[str, Mapping[str, str], float]]  # name, labels, value
carried = TraceContextTextMapPropagator()


class Measures:
    """The instruments of one process. `figures` are asked when somebody reads."""

    def __init__(self, provider: MeterProvider) -> None:
        meter = provider.get_meter("soko.wms")
        self._request = meter.create_histogram(
            "soko_http_request", "s", explicit_bucket_boundaries_advisory=_BOUNDS_S
        )
        self._job = meter.create_histogram(
            "soko_job", "s", explicit_bucket_boundaries_advisory=_BOUNDS_S
        )
        self._failures = meter.create_counter("soko_job_failures_total")
        self._sources: list[Callable[[], Found]] = []
        for name in GAUGES:
            meter.create_observable_gauge(name, [self._observe(name)])
        for name in COUNTERS:
            meter.create_observable_counter(name, [self._observe(name)])

    def add(self, figures: Callable[[], Found]) -> None:
        """Ask these too: name, labels, value; the names are of GAUGES and COUNTERS."""
        self._sources.append(figures)

    def requested(self, method: str, door: str, status: int, seconds: float) -> None:
        """A request was answered."""
        self._request.record(seconds, {"method": method, "door": door, "status": str(status)})

    def observed(self, job: Job) -> Job:
        """The same job, of which is told how long it took when it had work, and when it failed."""

        def run() -> int:
            started_s, started_ns, did = perf_counter(), time_ns(), 0
            try:
                did = job.run()
            except Exception:
                self._failures.add(1, {"job": job.name})
                raise
            finally:
                if did:  # most runs find nothing to do, twenty times a second
                    self._job.record(perf_counter() - started_s, {"job": job.name})
                    tracer().start_span(f"job {job.name}", start_time=started_ns).end()
            return did

        return replace(job, run=run)

    def _observe(self, name: str) -> Callable[[CallbackOptions], Iterable[Observation]]:
        def observe(_options: CallbackOptions) -> Iterable[Observation]:
            return [
                Observation(value, labels)
                for source in self._sources
                for known, labels, value in source()
                if known == name
            ]

        return observe


GAUGES = (
    "soko_queue", "soko_connections", "soko_waiting", "soko_oldest_seconds", "soko_following",
    "soko_follow_lag_bytes", "soko_database_bytes",
)  # fmt: skip
COUNTERS = ("soko_queue_total", "soko_conflicts_total")


@contextmanager
def measured(process: str, settings: Settings) -> Iterator[Measures | None]:
    """Instruments that are read and sent where the settings say; None: nowhere.

    Raises:
        OSError: the port is taken.
    """
    if not (settings.metrics_port or settings.otlp_endpoint or settings.otlp_traces):
        yield None
        return
    from opentelemetry.sdk.metrics import MeterProvider as Provider  # noqa: PLC0415
    from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader  # noqa: PLC0415
    from opentelemetry.sdk.resources import Resource  # noqa: PLC0415

    resource = Resource({"service.name": f"soko-{process}"})
    with ExitStack() as open_things:
        if settings.otlp_traces:
            from opentelemetry.exporter.otlp.proto.http.trace_exporter import (  # noqa: PLC0415
                OTLPSpanExporter,
            )

            open_things.enter_context(traced(resource, OTLPSpanExporter(settings.otlp_traces)))
        readers: list[MetricReader] = []
        if settings.metrics_port:
            readers.append(open_things.enter_context(_on_loopback(settings.metrics_port)))
        if settings.otlp_endpoint:
            from opentelemetry.exporter.otlp.proto.http.metric_exporter import (  # noqa: PLC0415
                OTLPMetricExporter,
            )

            exporter = OTLPMetricExporter(settings.otlp_endpoint)
            readers.append(PeriodicExportingMetricReader(exporter, EXPORT_MS))
        provider = Provider(metric_readers=readers, resource=resource)
        open_things.callback(provider.shutdown)
        yield Measures(provider)


@contextmanager
def _on_loopback(port: int) -> Iterator["MetricReader"]:
    """For Prometheus."""
    from opentelemetry.exporter.prometheus import PrometheusMetricReader  # noqa: PLC0415
    from prometheus_client import CollectorRegistry, start_http_server  # noqa: PLC0415

    registry = CollectorRegistry()
    server = start_http_server(port, addr=LOOPBACK, registry=registry)[0]
    try:
        yield PrometheusMetricReader(registry=registry, scope_info_enabled=False)
    finally:
        server.shutdown()
        server.server_close()


# ------------------------------------------------------------------------------ where it went
_TRACERS: list["TracerProvider"] = []


def tracer() -> trace.Tracer:
    """Makes spans; of no consequence where nobody wants them."""
    return _TRACERS[-1].get_tracer("soko") if _TRACERS else _NOBODY


_NOBODY = trace.NoOpTracer()


@contextmanager
def traced(resource: "Resource", exporter: "SpanExporter") -> Iterator[None]:
    """Spans of requests, jobs and statements go there."""
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
    from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415

    provider = TracerProvider(resource=resource)
    provider.add_span_processor(BatchSpanProcessor(exporter))
    _TRACERS.append(provider)
    event.listen(Engine, "before_cursor_execute", _statement)
    event.listen(Engine, "after_cursor_execute", _statement_done)
    event.listen(Engine, "handle_error", _statement_failed)
    try:
        yield
    finally:
        event.remove(Engine, "before_cursor_execute", _statement)
        event.remove(Engine, "after_cursor_execute", _statement_done)
        event.remove(Engine, "handle_error", _statement_failed)
        _TRACERS.remove(provider)
        provider.shutdown()


def _statement(*said: Any) -> None:
    """A statement begins: (connection, cursor, statement, what is filled in, context, many)."""
    if not trace.get_current_span().is_recording():
        return
    statement, context = said[2], said[4]
    words = statement.split(None, 1)
    span = tracer().start_span(f"sql {words[0].lower()}" if words else "sql")
    span.set_attribute("db.query.text", statement)
    context.soko_span = span


def _statement_done(*said: Any) -> None:
    span = getattr(said[4], "soko_span", None)
    if span is not None:
        span.end()


def _statement_failed(error: Any) -> None:
    span = getattr(error.execution_context, "soko_span", None)
    if span is not None:
        span.set_status(trace.StatusCode.ERROR, type(error.original_exception).__name__)
        span.end()
