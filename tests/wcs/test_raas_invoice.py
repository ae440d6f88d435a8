"""A provider's invoice against the missions played: an afternoon with an outage, to the yen.

The engine, its journal and what the edge knows of missions are the real ones, the provider is the
simulator; between them requests and answers are lost, and for a quarter of an hour everything.
What the provider writes on its invoice it knows by itself alone; what we hold against it comes
from the journal alone.
"""

import csv
import json
from collections.abc import Iterable, Mapping
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any, Literal

import pytest
from typer.testing import CliRunner

from edge.drivers.fleet_missions import Missions, Said
from edge.machine_messages import FleetMission
from edge.messages import DeviceStatus
from simulators.raas import Mission, Provider
from tests.wcs.fleet import START
from tests.wcs.small import HEAD, square
from wcs.charges import bill, charges, differences
from wcs.commands import wcs
from wcs.engine import Engine, Incoming
from wcs.journal import Journal
from wcs.messages import TransportOrder, TransportReport, Withdrawal
from wcs.state import Outbox, fresh_state

SITE = """
[[devices]]
name = "raas"
driver = "fleet_api"
[[fleets]]
name = "raas"
device = "raas"
missions_max = 9
again_s = 20.0
price_minor = 100
price_metre_minor = 0.5
price_cancelled_minor = 35
"""
ORDERS, TAKEN_BACK = 40, range(0, 40, 4)
OUT_S = range(300, 1200)
LOST = 0.2
SAID = tuple(Said.__dataclass_fields__)
PLACES = (
    '[[points]]\nname = "a"\nx_m = 0.0\ny_m = 0.0\n[[points]]\nname = "b"\nx_m = 4.0\ny_m = 0.0\n'
    '[[paths]]\nfrom = "a"\nto = "b"\ntwo_way = true\n'
)


class Afternoon:
    """A site without robots of its own, a provider with five, and a bad line between them."""

    def __init__(self, path: Path, seed: int) -> None:
        self.engine = Engine(square(more=SITE))
        self.state = fresh_state(self.engine.plant, START)
        self.provider = Provider(seed=seed, robots=5, fails=0.08, cancel_minor=35)
        self.journal = Journal(path, HEAD + PLACES)
        self.edge = Missions("raas")
        self.line, self.asked_from, self.now = Random(seed), 0, START
        self.inbox: list[Incoming] = []
        self.ended: dict[str, str] = {}

    def play(self) -> None:
        """Orders every few seconds; some are taken back; until all have ended."""
        self._status("UP")
        second = 0
        while len(self.ended) < ORDERS:
            second += 1
            assert second < 20_000, f"not over: {self.ended}"
            self.now += timedelta(seconds=1)
            number, after = divmod(second, 20)
            if after == 0 and number <= ORDERS:
                self.inbox.append(an_order(number - 1))
            if after == 13 and number - 1 in TAKEN_BACK:
                self.inbox.append(Withdrawal(id=f"t{number - 1}"))
            if second in (OUT_S.start, OUT_S.stop):
                self._status("DOWN" if second in OUT_S else "UP")
            self.provider.step(self.now)  # its robots go on, whatever the line does
            if second in OUT_S:
                self.inbox += self.edge.unreached(self.now)
            else:
                self._talk()
            self._step()

    def _status(self, status: Literal["UP", "DOWN"]) -> None:
        self.inbox.append(DeviceStatus(at=self.now, device="raas", status=status))

    def _talk(self) -> None:
        """What is due is asked; a request or its answer may be lost on the way."""
        for ask in list(self.edge.due()):
            self.edge.left(ask.id)
            if self.line.random() < LOST:
                continue
            if ask.kind == "put":
                answer: Mapping[str, Any] | None = self.provider.put(ask.id, ask.body, self.now)
            else:
                answer = self.provider.cancel(ask.id, self.now)
            if self.line.random() >= LOST:
                none = {"id": ask.id, "state": "REFUSED", "reason": "404"}
                self._hear(answer if answer is not None else none)
        news = self.provider.changes(self.asked_from)
        if self.line.random() >= LOST:
            self.asked_from = news["next"] if self.line.random() >= LOST else self.asked_from
            for one in news["missions"]:
                self._hear(one)

    def _hear(self, one: Mapping[str, Any]) -> None:
        report = self.edge.hear(Said(**{k: v for k, v in one.items() if k in SAID}), self.now)
        if report is not None:
            self.inbox.append(report)

    def _step(self) -> None:
        inbox, self.inbox = self.inbox, []
        said: Outbox = self.engine.step(self.state, inbox, self.now)
        self.journal.write(self.now, [], said, {}, self.state)
        for order in said.to_edge:
            if isinstance(order, FleetMission):
                known = self.edge.want(order, self.now)
                self.inbox += [known] if known is not None else []
        for told in said.to_wms:
            if isinstance(told, TransportReport) and told.state in OVER:
                assert told.id not in self.ended, "an order ends once"
                self.ended[told.id] = told.state


OVER = ("FINISHED", "FAILED", "WITHDRAWN")


def an_order(n: int) -> TransportOrder:
    return TransportOrder(id=f"t{n}", load=f"x{n}", source="dock 1", destination="hall 2")


def invoiced(missions: Iterable[Mission], currency: str = "JPY") -> list[dict[str, Any]]:
    """What the provider writes: every mission of its own book that has a price."""
    return [
        {"mission": one.id, "price_minor": one.price_minor, "currency": currency}
        for one in missions
        if one.price_minor is not None
    ]


@pytest.mark.parametrize("seed", [1, pytest.param(2, marks=pytest.mark.nightly)])
def test_an_invoice_is_what_was_finished_and_what_was_taken_back_by_the_tariff(
    tmp_path: Path, seed: int
):
    path = tmp_path / "journal"
    day = Afternoon(path, seed)
    with day.journal:
        day.play()
    rows, book = charges(path, ""), day.provider.missions
    by_state = {state: {m.id for m in book.values() if m.state == state}
                for state in ("FINISHED", "CANCELLED", "FAILED")}  # fmt: skip
    assert len(by_state["FINISHED"]) >= ORDERS / 2
    assert by_state["CANCELLED"], "some were taken back in time"
    assert by_state["FAILED"]
    # what the journal has of missions is what the provider has of them, mission for mission
    for state, missions in by_state.items():
        assert {row["mission"] for row in rows if row["state"] == state} == missions
    for row in rows:
        one = book[row["mission"]]
        fair = {"FINISHED": 100 + int(0.5 * one.metres + 0.5), "CANCELLED": 35}.get(one.state, 0)
        assert (row["agreed_minor"], row["metres"]) == (fair, pytest.approx(one.metres, abs=0.005))
    finished = {row["transport"] for row in rows if row["state"] == "FINISHED"}
    assert finished == {id_ for id_, how in day.ended.items() if how == "FINISHED"}
    assert len(finished) == len(by_state["FINISHED"]), "no order is carried, or paid, twice"
    invoice = invoiced(book.values())
    assert differences(rows, invoice) == []
    (total,) = bill(rows)
    assert total["agreed_minor"] == total["asked_minor"] == sum(x["price_minor"] for x in invoice)
    assert (total["finished"], total["differing"]) == (len(finished), 0)

    _wrong_lines_are_found(path, tmp_path / "invoice.csv", invoice, by_state)


def _wrong_lines_are_found(
    journal: Path, file: Path, invoice: list[dict[str, Any]], by_state: dict[str, set[str]]
) -> None:
    cancelled, failed = min(by_state["CANCELLED"]), min(by_state["FAILED"])
    gone, dear, again = sorted(by_state["FINISHED"])[:3]
    bad = [
        line | ({"price_minor": line["price_minor"] + 40} if line["mission"] in (dear, cancelled)
                else {})
        for line in invoice if line["mission"] != gone
    ]  # fmt: skip
    bad += [
        next(line for line in invoice if line["mission"] == again),
        {"mission": "t-nobody", "price_minor": 100, "currency": "JPY"},
        {"mission": failed, "price_minor": 100, "currency": "JPY"},
    ]

    def checked(lines: list[dict[str, Any]]) -> tuple[int, list[dict[str, Any]]]:
        with file.open("w", encoding="utf-8", newline="") as text:
            writer = csv.DictWriter(text, ("mission", "price_minor", "currency"))
            writer.writeheader()
            writer.writerows(lines)
        run = CliRunner().invoke(wcs, ["raas-check", str(journal), str(file), "--fleet", "raas"])
        return run.exit_code, json.loads(run.output)

    assert checked(invoice) == (0, [])
    code, found = checked(bad)
    assert code == 1
    assert {(one["mission"], one["fault"]) for one in found} == {
        (gone, "MISSING"), (dear, "PRICE"), (cancelled, "PRICE"), (again, "TWICE"),
        ("t-nobody", "UNKNOWN"), (failed, "PRICE"),
    }  # fmt: skip
    file.write_text("mission,price_minor,currency\nt1,1.50,JPY\n")
    assert CliRunner().invoke(wcs, ["raas-check", str(journal), str(file)]).exit_code == 2


def test_what_the_provider_gives_up_by_itself_costs_nothing():
    fleet = square(more=SITE).fleets["raas"]
    assert fleet.agreed_minor("CANCELLED", 9.0, taken_back=True) == 35
    assert fleet.agreed_minor("CANCELLED", 9.0, taken_back=False) == 0
    assert fleet.agreed_minor("FAILED", 9.0, taken_back=True) == 0
    assert fleet.agreed_minor("FINISHED", 9.0, taken_back=True) == 105
