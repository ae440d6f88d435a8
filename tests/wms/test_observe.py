"""What is measured is what dashboards and alarms ask for; a request is followed to its end."""

import json
import os
import re
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
import yaml  # type: ignore[import-untyped]
from fastapi.testclient import TestClient
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from sqlalchemy import text

from edge.clock import SystemClock
from edge.ports import HOST, free_port
from edge.process import Child
from tests.builders import a_site, an_id, eventually
from wms.api.dependencies import Services
from wms.app import create_app
from wms.database import Database
from wms.job import Job
from wms.migrations import head_revisions
from wms.observe import Measures, measured, traced
from wms.outbound.floor import Floor
from wms.settings import Settings
from wms.standing import Standing

DEPLOY = Path(__file__).parents[2] / "deploy" / "observe"
NAME = re.compile(r"\bsoko_[a-z_]+\b")
PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def measures(port: int) -> Iterator[Measures]:
    with measured("test", Settings(metrics_port=port)) as made:
        assert made is not None
        yield made


@pytest.fixture
def http(database: Database, measures: Measures) -> Iterator[TestClient]:
    database.run(a_site)
    settings = Settings()
    services = Services(settings=settings, database=database, clock=SystemClock(), floor=Floor())
    with TestClient(create_app(settings, services, measures)) as http:
        yield http


def said(port: int) -> dict[str, float]:
    """Every line of the exposition."""
    text = httpx2.get(f"http://{HOST}:{port}/metrics").text
    rows = (line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
    return {name: float(value) for name, value in rows}


def test_requests_jobs_and_what_waits_are_measured(
    http: TestClient, measures: Measures, database: Database, port: int
):
    assert http.get(f"/oms/v1/orders/{an_id()}").status_code == 404
    assert http.get("/nowhere/../of/nobody").status_code == 404
    standing = Standing(database)
    measures.add(standing.figures)
    measures.observed(standing.job()).run()
    with pytest.raises(ZeroDivisionError):
        measures.observed(Job(name="broken", run=lambda: 1 // 0, idle_s=0)).run()
    measures.observed(Job(name="busy", run=lambda: 3, idle_s=0)).run()

    found = said(port)

    order = 'soko_http_request_seconds_count{door="/oms/v1/orders",method="GET",status="404"}'
    assert found[order] == 1
    assert sum(1 for name in found if 'door="none"' in name and "_count" in name) == 1
    assert found['soko_job_failures_total{job="broken"}'] == 1
    assert found['soko_job_seconds_count{job="busy"}'] == 1
    assert not any('job="look"' in name for name in found), "what had nothing to do is no run"
    assert found['soko_waiting{what="orders"}'] == 0
    assert found['soko_queue{figure="depth"}'] == 0
    assert found["soko_database_bytes"] > 1e6
    asked = asked_for()
    assert len(asked) > 10
    made = {name.partition("{")[0] for name in found}
    # there is no follower here, and an edge has its own
    missing = {name for name in asked - made if not name.startswith(("soko_follow", "soko_edge"))}
    assert not missing, f"asked for, and measured by nobody: {missing}"


def asked_for() -> set[str]:
    """The names in dashboards and alarms."""
    texts = [
        panel["expr"]
        for file in DEPLOY.glob("*.json")
        for row in json.loads(file.read_text())["panels"]
        for panel in row.get("targets", ())
    ]
    for group in yaml.safe_load((DEPLOY / "alerts.yaml").read_text())["groups"]:
        for rule in group["rules"]:
            assert {"severity"} <= set(rule["labels"])
            assert {"summary", "action"} <= set(rule["annotations"])
            texts.append(rule["expr"])
    return {name for text in texts for name in NAME.findall(text)}


def test_a_trace_is_gone_on_with_and_tells_no_values(http: TestClient):
    spans = InMemorySpanExporter()
    order = an_id()
    with traced(Resource({}), spans):
        http.get(f"/oms/v1/orders/{order}", headers={"traceparent": PARENT})

    found = {span.name: span for span in spans.get_finished_spans()}
    request = found["GET /oms/v1/orders"]
    statement = found["sql select"]
    assert f"{request.context.trace_id:032x}" in PARENT
    assert request.parent is not None
    assert statement.parent is not None
    assert statement.context.trace_id == request.context.trace_id
    told = repr([(span.name, dict(span.attributes or {})) for span in found.values()])
    assert str(order) not in told
    assert order.hex not in told


def test_nobody_looks_nothing_is_made():
    with measured("test", Settings()) as made:
        assert made is None


# ------------------------------------------------------------------------------ ready, and going
def test_an_older_schema_is_not_ready_and_a_newer_one_is(http: TestClient, database_url: str):
    assert http.get("/health/ready").json() == {"status": "ok"}
    owner = Database(database_url, pool_size=1, role=None)

    def at(version: str) -> Any:
        change = text("UPDATE alembic_version SET version_num = :version")
        owner.run(lambda s: s.execute(change, {"version": version}))
        return http.get("/health/ready")

    (head,) = head_revisions()
    try:
        behind = at("0026_planner")
        assert (behind.status_code, behind.json()["code"]) == (503, "schema_behind")
        assert at("9999_next").status_code == 200
    finally:
        at(head)
        owner.close()


@pytest.mark.nightly
def test_who_ends_says_so_first_and_still_answers(database_url: str, tmp_path: Path):
    port = free_port()
    child = Child(
        (sys.executable, "-m", "wms.cli", "serve"),
        name="serve",
        folder=tmp_path,
        env={
            "SOKO_DATABASE_URL": database_url,
            "SOKO_HTTP": f"http://{HOST}:{port}",
            "SOKO_STATE_DIR": str(tmp_path),
            "SOKO_MQTT_URL": f"mqtt://{HOST}:{free_port()}",
            "SOKO_DRAIN_S": "200",
        },
        ready=lambda: status(port, "ready") == 200,
    )
    with child:
        child.ask_to_stop()
        eventually(lambda: status(port, "ready") == 503)
        assert status(port, "live") == 200
        assert child.pid
        os.kill(child.pid, signal.SIGTERM)  # in a hurry
        assert child.wait(10) == 0


def status(port: int, what: str) -> int:
    try:
        return httpx2.get(f"http://{HOST}:{port}/health/{what}").status_code
    except httpx2.HTTPError:
        return 0
