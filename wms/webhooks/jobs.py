"""The job of webhooks: what has happened is told, each event between two transactions."""

import time
from datetime import timedelta
from functools import partial

from edge.clock import Clock
from wms.database import Database
from wms.errors import Unavailable
from wms.job import Job
from wms.ports import WebhookEvent, Webhooks
from wms.webhooks import deliver, subscribe

LOG_KEPT = timedelta(days=30)


def webhook_jobs(database: Database, clock: Clock, webhooks: Webhooks) -> list[Job]:
    """Tell subscribers; forget what was told long ago."""

    def tell() -> int:
        now = clock.now()
        events = database.run(lambda s: deliver.fan_out(s, now=now))
        due = database.run(lambda s: deliver.due(s, now=now))
        silent: set[str] = set()
        for event in due:
            if event.url in silent:
                continue  # next time
            answer = _ask(webhooks, event)
            if answer.is_silence:
                silent.add(event.url)
            database.run(
                partial(deliver.settle, delivery_id=event.id, answer=answer, now=clock.now())
            )
        return events + len(due)

    def forget() -> int:
        before = clock.now() - LOG_KEPT
        return database.run(lambda s: subscribe.forget_log(s, before=before))

    return [
        Job(name="tell", run=tell, idle_s=0.5),
        Job(name="forget_webhooks", run=forget, idle_s=600.0),
    ]


def _ask(webhooks: Webhooks, event: WebhookEvent) -> deliver.Answer:
    started = time.perf_counter()
    status: int | None = None
    problem: str | None = None
    try:
        status = webhooks.deliver(event)
    except Unavailable as error:
        status, problem = getattr(error, "status", None), str(error)[:500]
    took_ms = round((time.perf_counter() - started) * 1000)
    return deliver.Answer(status=status, problem=problem, took_ms=took_ms)
