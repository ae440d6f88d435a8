"""The provider is asked until it answers, and gives back each refund exactly once."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy.orm import Session

from simulators.memory import Memory
from simulators.payments import PaymentsApi, PaymentsServer
from tests.builders import NOW, an_id, eventually
from tests.wms.house import Hand
from tests.wms.payments.paid import a_tender, an_order, refunds, tenders
from wms import outbox
from wms.database import Database
from wms.money import Money
from wms.partners.payments import HttpPayments
from wms.payments.ask import Refused
from wms.payments.jobs import ask_for_refunds, take_collections
from wms.payments.refund import RefundNotRefused, refund_order, retry_refund

TIMEOUT_S = 0.2


class Provider:
    """A provider on loopback, and what asks it."""

    def __init__(self, database: Database, api: PaymentsApi, url: str) -> None:
        self.database, self.api = database, api
        self.clock = Hand()
        self.payments = HttpPayments(url, timeout_s=TIMEOUT_S)
        self.told: list[Refused] = []

    def ask(self) -> int:
        """The worker's job, once."""
        return ask_for_refunds(self.database, self.clock, self.payments, self._tell)

    def later(self, by: timedelta = timedelta(hours=2)) -> None:
        """Time passes."""
        self.clock.at += by

    def _tell(self, _session: Session, news: Refused, _now: datetime) -> None:
        self.told.append(news)


@pytest.fixture
def provider(database: Database, tmp_path: Path) -> Iterator[Provider]:
    memory = Memory(tmp_path / "payments.db")
    api = PaymentsApi(memory)
    server = PaymentsServer(api, 0)
    server.start()
    provider = Provider(database, api, f"http://127.0.0.1:{server.port}")
    yield provider
    provider.payments.close()
    server.stop()
    memory.close()


def want(database: Database, captured: int = 5_000, wanted: int = 5_000) -> UUID:
    order = an_order(database, a_tender(captured))
    database.run(
        lambda s: refund_order(s, order, Money(wanted), cause_id=an_id(), reason="test", now=NOW)
    )
    return order


def states(database: Database, order: UUID) -> list[str]:
    return [row.state for row in refunds(database, order)]


def events(database: Database) -> list[str]:
    return [event.type for event in database.run(lambda s: outbox.drain(s, "test"))]


def test_a_refund_is_asked_for_and_done(provider: Provider):
    order = want(provider.database)

    assert provider.ask() == 1
    assert provider.ask() == 0

    (row,) = refunds(provider.database, order)
    (given,) = provider.api.refunds()
    assert (row.state, row.provider_reference) == ("DONE", given["reference"])
    assert (given["id"], given["amount_minor"]) == (str(row.id), 5_000)
    assert events(provider.database).count("RefundDone") == 1


@pytest.mark.parametrize(
    "faults",
    [["lose"], ["late"], ["down"], ["lose", "late", "down", "lose", "late"]],
    ids=["reply lost", "answers after the time-out", "down", "all of it"],
)
def test_whatever_happens_to_the_answer_money_goes_back_once(provider: Provider, faults: list[str]):
    order = want(provider.database)
    provider.api.faults.extend(faults)  # type: ignore[arg-type]

    for attempt in range(1, len(faults) + 1):
        assert provider.ask() == 0
        assert provider.ask() == 0, "not at once again"
        assert states(provider.database, order) == ["ASKED"]
        assert refunds(provider.database, order)[0].attempts == attempt
        provider.later()
    if "late" in faults:
        eventually(lambda: provider.api.times() == 1)
    assert provider.ask() == 1

    assert states(provider.database, order) == ["DONE"]
    assert provider.api.times() == 1
    assert events(provider.database).count("RefundDone") == 1


def test_a_refusal_is_told_to_people_and_asked_again_only_when_they_say_so(provider: Provider):
    database = provider.database
    order = want(database)
    provider.api.faults.append("refuse")

    provider.ask()
    provider.later()
    assert provider.ask() == 0

    (row,) = refunds(database, order)
    assert (row.state, row.problem) == ("REFUSED", "the card was closed")
    assert [news.refund_id for news in provider.told] == [row.id]
    assert events(database).count("RefundRefused") == 1
    assert [tender.refunded_minor for tender in tenders(database, order)] == [5_000], "kept for it"
    database.run(lambda s: retry_refund(s, row.id, now=provider.clock.now()))
    assert provider.ask() == 1
    assert (states(database, order), provider.api.times()) == (["DONE"], 1)
    with pytest.raises(RefundNotRefused):
        database.run(lambda s: retry_refund(s, row.id, now=provider.clock.now()))


def test_one_that_is_not_answered_keeps_no_other_waiting(provider: Provider):
    first, second = want(provider.database), want(provider.database)
    provider.api.faults.append("down")

    assert provider.ask() == 1

    ended = [*states(provider.database, first), *states(provider.database, second)]
    assert sorted(ended) == ["ASKED", "DONE"]


# -------------------------------------------------------------------------------- killed half-way
@contextmanager
def process(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        try:
            yield child
        finally:
            child.kill()


def port_of(child: subprocess.Popen[str]) -> int:
    assert child.stdout is not None
    return int(child.stdout.readline())


def test_a_provider_killed_before_it_answers_gives_back_once(database: Database, tmp_path: Path):
    order, file = want(database), str(tmp_path / "payments.db")
    with process("-m", "simulators.payments", file, "0", "die") as child:
        port = port_of(child)
        asking = Provider(database, PaymentsApi(Memory(Path(file))), f"http://127.0.0.1:{port}")
        assert asking.ask() == 0
        assert child.wait(10) == -signal.SIGKILL
    assert asking.api.times() == 1, "it was done before it died"

    with process("-m", "simulators.payments", file, str(port)) as child:
        port_of(child)
        asking.later()
        assert asking.ask() == 1
    asking.payments.close()

    assert (states(database, order), asking.api.times()) == (["DONE"], 1)


WORKER = """
import sys
from datetime import UTC, datetime
from tests.wms.house import Hand
from wms.database import Database
from wms.partners.payments import HttpPayments
from wms.payments.jobs import ask_for_refunds
url, provider = sys.argv[1:]
ask_for_refunds(Database(url), Hand(), HttpPayments(provider, timeout_s=60), lambda *_: None)
"""


def test_a_worker_killed_before_it_hears_the_answer_refunds_once(
    provider: Provider, database_url: str
):
    order = want(provider.database)
    provider.api.faults.append("late")  # done only when the one who asked is gone
    with process("-c", WORKER, database_url, f"{provider.payments._client.base_url}") as worker:
        eventually(lambda: not provider.api.faults)
        os.kill(worker.pid, signal.SIGKILL)
        worker.wait(10)
    eventually(lambda: provider.api.times() == 1)
    assert states(provider.database, order) == ["ASKED"]

    provider.later()
    provider.ask()

    assert (states(provider.database, order), provider.api.times()) == (["DONE"], 1)


# ----------------------------------------------------------------------------------------- 代引
def delivered(database: Database, order: UUID) -> None:
    body = {"order": str(order), "sscc": "x", "at": ""}
    database.run(
        lambda s: outbox.record(
            s, topic="order", key=order, type="ParcelDelivered", body=body, now=NOW
        )
    )


def test_what_the_carrier_collects_is_captured_when_it_hands_over(database: Database):
    cod = an_order(database, a_tender(0, "COD", expected_minor=4_000), a_tender(500, "POINTS"))
    other = an_order(database, a_tender(0, "COD", expected_minor=4_000))

    delivered(database, cod)
    delivered(database, cod)  # two parcels
    take_collections(database, Hand())

    assert [row.captured_minor for row in tenders(database, cod)] == [4_000, 500]
    assert [row.captured_minor for row in tenders(database, other)] == [0]
