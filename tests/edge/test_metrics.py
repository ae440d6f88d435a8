"""What is measured leaves by OTLP too, to a real receiver."""

import asyncio
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from typing_extensions import override

from edge.metrics import Metrics, measured
from edge.ports import HOST, free_port
from tests.edge.test_agent import FakeDriver, carton, running, speak


class Receiver(BaseHTTPRequestHandler):
    """Takes what is sent to it."""

    bodies: list[bytes]

    def do_POST(self):
        self.bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(200)
        self.end_headers()

    @override
    def log_message(self, *_: object):
        """Say nothing."""


class Measuring(FakeDriver):
    def health(self) -> dict[str, float | int | str]:
        return {"reads_total": 12, "answer_p99_ms": 8.5, "firmware": "1.2"}


class Broken(FakeDriver):
    def health(self) -> dict[str, float | int | str]:
        raise RuntimeError("a bug")


async def test_figures_of_the_edge_and_its_drivers_leave_by_otlp(nats_url: str, tmp_path: Path):
    received: list[bytes] = []
    port = free_port()
    handler = type("Handler", (Receiver,), {"bodies": received})
    with HTTPServer((HOST, port), handler) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            endpoint = f"http://{HOST}:{port}/v1/metrics"
            with measured("S1", port=0, otlp_endpoint=endpoint) as watch:
                assert watch is not None
                await a_moment_of_work(watch, nats_url, tmp_path)
        finally:
            server.shutdown()
            thread.join()
    sent = ExportMetricsServiceRequest.FromString(received[-1])
    (resource,) = sent.resource_metrics
    assert {a.key: a.value.string_value for a in resource.resource.attributes}[
        "service.instance.id"
    ] == "S1"
    by_name = {m.name: m for scope in resource.scope_metrics for m in scope.metrics}
    gauges = {
        (point.attributes[1].value.string_value, point.as_double)
        for point in by_name["soko_edge_driver"].gauge.data_points
    }
    assert gauges == {("answer_p99_ms", 8.5)}
    (reads,) = by_name["soko_edge_driver_total"].sum.data_points
    assert reads.as_double == 12
    assert by_name["soko_edge_driver_total"].sum.is_monotonic
    lags = by_name["soko_edge_said_lag"].histogram.data_points
    assert {point.attributes[1].value.string_value for point in lags} == {
        "device.status",
        "carton.arrived",
    }
    assert {point.as_double for point in by_name["soko_edge_device_up"].gauge.data_points} == {1.0}


async def a_moment_of_work(watch: Metrics, nats_url: str, folder: Path) -> None:
    async with running(nats_url, folder, Measuring("cv1"), Broken("cv2"), watch=watch) as house:
        speak(house.drivers["cv1"], carton(1))
        await house.agent.until_delivered()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await watch.gather(house.agent)


def test_nothing_is_measured_unless_somebody_wants_to_know():
    with measured("S1", port=0, otlp_endpoint="") as watch:
        assert watch is None
