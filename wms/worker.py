"""Composition root of the background process: `soko worker`.

A loop, in a thread of its own, for each thing that has to be done again and again:

    source, release      orders become work
    hear, say            the streams from and to the hub's WCS
    book, track, tell    carriers and subscribers
    expire               tidying
    sagas                with several cells: what goes over them is finished
    seal, close, watch   the books are sealed, months closed, lanes watched
    record               the live pictures of the hub, kept for a day

A loop that fails waits a little longer each time and goes on: database, broker and carrier may
go away and come back. Nothing is kept in memory that the next start would miss. Pauses are real
time; what a job calls now is the clock's.
"""

import os
import signal
import threading
import time
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from functools import partial

import structlog

from edge.clock import Clock, SystemClock, clock_from_environment
from edge.mqtt import BlockingBus, Message, frame_topic, stream_ack_topic, stream_data_topic
from edge.stream import (
    Ack,
    Batch,
    Malformed,
    ReceiverAhead,
    Sender,
    decode_ack,
    decode_batch,
    encode_ack,
    encode_batch,
)
from optimizer.compiled import IS_COMPILED
from wms import inbox
from wms.cells import open_cells
from wms.contacts.keys import Keys
from wms.control.record import Record, Recorder, devices_in
from wms.database import Database
from wms.errors import Unavailable
from wms.house_clock import following, house_clock
from wms.ids import new_id
from wms.job import Job
from wms.jobs import Jobs
from wms.notices.brand import brand_of
from wms.observe import measured
from wms.orders.source import ORDERS_MAX
from wms.outbound import stream
from wms.outbound.floor import Floor, floor_of
from wms.outbound.walks import LOOKED_FOR
from wms.partners.gateway import ByChannel, MessageGateway
from wms.partners.http import HttpCarrier
from wms.partners.mail import Mailer
from wms.partners.payments import HttpPayments
from wms.partners.webhook import WebhookSender
from wms.planner.work import How
from wms.settings import Settings
from wms.standing import Standing
from wms.stock.saga import Sagas
from wms.stock.seal import Sealer

log = structlog.get_logger(__name__)

WCS, WMS = "wcs", "wms"
MESSAGES_A_TRANSACTION = 25
FAILED_PAUSE_MAX_S = 2.0
IDLE_S = 0.03
SAY_S = 0.1  # each look at what is to be said is a transaction
WATCH_S = 0.5
POLITE = 10  # on a machine that it shares, a scan does not wait for what nobody waits for


class Hear:
    """The stream from the WCS: batches are done, then acknowledged."""

    def __init__(self, database: Database, clock: Clock, floor: Floor, bus: BlockingBus) -> None:
        self._database, self._clock, self._floor, self._bus = database, clock, floor, bus
        self._site = floor.hub_code
        self._ack_topic = stream_ack_topic(self._site, WCS, WMS)
        self._connected = threading.Event()
        bus.subscribe(stream_data_topic(self._site, WCS, WMS))
        bus.on_connect(self._connected.set)

    def __call__(self) -> int:
        """Take what has come, waiting a moment for it."""
        if self._connected.is_set():
            for ack in self._database.run(lambda s: inbox.positions(s, self._site)):
                self._bus.publish(self._ack_topic, encode_ack(ack), qos=0)
            self._connected.clear()
        message = self._bus.receive(IDLE_S)
        if message is None:
            return 0
        try:
            batch = decode_batch(message.body)
        except Malformed as error:
            log.warning("stream.malformed_batch", problem=str(error))
            return 0
        return self.take(batch)

    def take(self, batch: Batch) -> int:
        """Do a batch, a part of it in each transaction, and acknowledge each part."""
        known: int | None = None
        for start in range(0, len(batch.messages), MESSAGES_A_TRANSACTION):
            end = batch.seq + min(start + MESSAGES_A_TRANSACTION, len(batch.messages)) - 1
            if known is not None and end <= known:
                continue  # sent again: it was done before
            messages = batch.messages[start : start + MESSAGES_A_TRANSACTION]
            part = Batch(batch.epoch, batch.seq + start, messages)
            now = self._clock.now()
            do = partial(inbox.take_batch, floor=self._floor, site=self._site, batch=part, now=now)
            ack = self._database.run(do)
            known = ack.seq
            self._bus.publish(self._ack_topic, encode_ack(ack), qos=0)
            if ack.again:
                break  # it came before its turn, and so did the rest
        return len(batch.messages)


class Say:
    """The stream to the WCS: what was written is sent until it is acknowledged."""

    def __init__(self, database: Database, floor: Floor, bus: BlockingBus) -> None:
        self._database, self._site, self._bus = database, floor.hub_code, bus
        self._data_topic = stream_data_topic(self._site, WMS, WCS)
        self._sender: Sender | None = None
        self._connected = threading.Event()
        bus.subscribe(stream_ack_topic(self._site, WMS, WCS))
        bus.on_connect(self._connected.set)

    def __call__(self) -> int:
        """Number what is new, take acknowledgements, send what is due."""
        epoch = str(new_id(SystemClock().now()))
        known = self._database.run(lambda s: stream.number(s, self._site, epoch))
        if self._sender is None or self._sender.epoch != known.epoch:
            self._sender = Sender(known.epoch, acked=known.acked)
        if self._connected.is_set():
            self._connected.clear()
            self._sender.on_connect()
        message = self._bus.receive(SAY_S)
        while message is not None:
            self._heard(self._sender, message, known.last)
            message = self._bus.receive(0)
        sent = 0
        while self._bus.connected and (numbers := self._sender.due(known.last, time.monotonic())):
            read = partial(stream.read, site=self._site, numbers=numbers)
            bodies = self._database.run(read)
            self._bus.publish(
                self._data_topic, encode_batch(known.epoch, numbers.start, bodies), qos=0
            )
            sent += len(bodies)
        return sent

    def _heard(self, sender: Sender, message: Message, last: int) -> None:
        try:
            ack: Ack = decode_ack(message.body)
            moved = sender.on_ack(ack, last=last, now_s=time.monotonic())
        except Malformed as error:
            log.warning("stream.malformed_ack", problem=str(error))
            return
        except ReceiverAhead as error:
            log.error("stream.started_over", problem=str(error))  # noqa: TRY400 - no bug of ours
            epoch = str(new_id(SystemClock().now()))
            self._database.run(lambda s: stream.start_over(s, self._site, epoch))
            self._sender = None
            return
        if moved:
            self._database.run(lambda s: stream.acknowledged(s, self._site, sender.acked))


@dataclass(frozen=True, slots=True)
class Loop:
    """A job, again and again."""

    job: Job

    def run(self, stop: threading.Event) -> None:
        """Until told to stop."""
        pause_s = self.job.idle_s
        failures = 0
        while not stop.wait(pause_s):
            try:
                did = self.job.run()
            except Unavailable as error:
                failures += 1
                self._failed(failures, str(error))
            except Exception as error:  # noqa: BLE001 - whatever it was: the loop goes on, and says so
                failures += 1
                self._failed(failures, repr(error), exc_info=failures == 1)
            else:
                failures = 0
                pause_s = 0.0 if did else self.job.idle_s
                continue
            pause_s = min(FAILED_PAUSE_MAX_S, 0.05 * 2 ** min(failures, 6))

    def _failed(self, failures: int, problem: str, *, exc_info: bool = False) -> None:
        if failures & (failures - 1) == 0:  # at 1, 2, 4, 8 …
            log.warning(
                "loop.failed",
                loop=self.job.name,
                failures=failures,
                problem=problem[:500],
                exc_info=exc_info,
            )


def run(settings: Settings) -> None:
    """Work until SIGTERM or SIGINT."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    with ExitStack() as open_things:
        every = loops(settings, open_things)
        measures = open_things.enter_context(measured("worker", settings))
        if measures is not None:
            database = Database(settings.database_url, pool_size=1)
            open_things.callback(database.close)
            standing = Standing(database)
            measures.add(standing.figures)
            every = [Loop(measures.observed(loop.job)) for loop in (*every, Loop(standing.job()))]
        threads = [
            threading.Thread(target=loop.run, args=(stop,), name=loop.job.name, daemon=True)
            for loop in every
        ]
        os.nice(POLITE)  # from now on: whoever waits for it to come back does not wait longer
        for thread in threads:
            thread.start()
        log.info("worker.started", loops=len(threads))
        stop.wait()
        for thread in threads:
            thread.join(timeout=5)
    log.info("worker.stopped")


def loops(settings: Settings, open_things: ExitStack) -> list[Loop]:
    """All loops, with what they need; closed with `open_things`."""
    floor = floor_of(settings.site_file)
    database = Database(
        settings.database_url,
        pool_size=settings.database_pool,
        given_clock=settings.clock is not None,
    )
    open_things.callback(database.close)
    clock = house_clock(clock_from_environment(), database)
    open_things.enter_context(following(clock))
    carrier, webhooks = HttpCarrier(settings.carrier_url), WebhookSender(settings.webhooks_allowed)
    carriers = {code: HttpCarrier(url) for code, url in sorted(settings.carrier_urls.items())}
    for each in (carrier, *carriers.values()):
        open_things.callback(each.close)
    open_things.callback(webhooks.close)
    payments = HttpPayments(settings.payments_url) if settings.payments_url else None
    if payments is not None:
        open_things.callback(payments.close)
    jobs = Jobs(
        database=database,
        clock=clock,
        floor=floor,
        carrier=carrier,
        carriers=carriers,
        payments=payments,
        webhooks=webhooks,
        sealer=Sealer(settings.seal_key_file),
        notifier=_notifier(settings, open_things),
        contacts_keys=Keys(settings.contact_key_file),
        brand=brand_of(settings),
        has_all_sites=settings.cells is None,
        seal_every_s=settings.seal_every_s,
        source_orders=settings.source_orders,
        source_s=settings.source_s,
        walks=replace(LOOKED_FOR, seconds=settings.walks_s if IS_COMPILED else 0.0),
        plans=How(processes=settings.plan_processes, cluster=settings.plan_cluster),
    )
    me = new_id(SystemClock().now()).hex[-12:]
    ears, mouth, eyes = (
        open_things.enter_context(
            BlockingBus(settings.mqtt_url, client_id=f"wms-worker-{what}-{me}")
        )
        for what in ("hear", "say", "watch")
    )
    with suppress(ImportError):  # takes a second the first time: not while an order waits
        import optimizer.sourcing_mip  # noqa: F401, PLC0415

    if settings.source_orders > ORDERS_MAX:  # loops are compiled now, not while an order waits
        from optimizer.sourcing_batch import warm  # noqa: PLC0415

        warm()
    jobs_of_the_bus = [
        Job(name="hear", run=Hear(database, clock, floor, ears), idle_s=0.0),
        Job(name="say", run=Say(database, floor, mouth), idle_s=0.0),
        Job(name="record", run=_record(settings, database, floor, eyes), idle_s=0.0),
    ]
    every = [*_over_cells(settings, clock, open_things), *jobs.all(), *jobs_of_the_bus]
    return [Loop(job) for job in every]


def _record(settings: Settings, database: Database, floor: Floor, eyes: BlockingBus) -> Record:
    """The live pictures of the hub are kept for a day."""
    eyes.subscribe(frame_topic(floor.hub_code), qos=0)
    recorder = Recorder(floor.hub, devices_in(settings.site_file))
    return Record(database, recorder, partial(eyes.receive, WATCH_S))


def _notifier(settings: Settings, open_things: ExitStack) -> ByChannel | None:
    """Who tells customers; None if the settings name nobody."""
    mail: Mailer | None = None
    gateway: MessageGateway | None = None
    if settings.smtp_url:
        mail = Mailer(settings.smtp_url, settings.mail_from, ca_file=settings.smtp_ca)
    if settings.gateway_url:
        gateway = MessageGateway(settings.gateway_url, settings.gateway_secret)
        open_things.callback(gateway.close)
    return ByChannel(mail, gateway) if mail or gateway else None


def _over_cells(settings: Settings, clock: Clock, open_things: ExitStack) -> list[Job]:
    """With several cells: what coordinators of sagas left behind is finished."""
    if settings.cells is None:
        return []
    cells = open_cells(settings)
    open_things.callback(cells.close)
    sagas = Sagas(cells)
    return [Job(name="sagas", run=lambda: sagas.recover(now=clock.now()), idle_s=1.0)]
