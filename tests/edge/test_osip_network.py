"""A network of conveyors that speaks OSIP: what is made of telegrams, and what is answered."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from edge.machine_messages import BeltChanged, RouteUnit, UnitScanned
from edge.messages import DeviceStatus, TellAgain
from edge.osip import Splitter, Telegram, decode, encode
from tests.edge.live_cell import CLOCK, Wcs, a_driver, running, until

SITE: dict[str, Any] = {
    "devices": [
        {"name": "plc", "driver": "osip", "port": 0, "writes": ["RES_", "ERR_"]}
        | {"locations": {"b1": "BELT0001", "S1": "SCAN0001"}}
    ],
    "nodes": [
        {"name": "S1", "device": "plc"},
        {"name": "X", "device": "plc", "kind": "EXIT"},
        {"name": "S9", "device": "another"},
    ],
    "belts": [
        {"name": "b1", "start": "S1", "end": "X"},
        {"name": "b9", "start": "S1", "end": "S9"},
    ],
}


class Plc:
    """A server that says what it is told to say, and keeps what it hears."""

    def __init__(self) -> None:
        self.heard: list[Telegram] = []
        self.port = 0
        self._writer: asyncio.StreamWriter | None = None

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writer, splitter = writer, Splitter()
        while data := await reader.read(65_536):
            self.heard += [decode(frame) for frame in splitter.feed(data)]
        writer.close()

    def say(self, kind: str, sequence: int, error: int = 0, **fields: str) -> None:
        assert self._writer is not None
        telegram = Telegram(
            type=kind, sender="PLC", receiver="MFC", sequence=sequence, at=CLOCK.now(),
            error=error, fields=fields,
        )  # fmt: skip
        self._writer.write(encode(telegram))


class Line:
    """The driver between a PLC and a WCS that only listens."""

    def __init__(self, plc: Plc) -> None:
        SITE["devices"][0]["port"] = plc.port
        self.plc = plc
        self.driver = a_driver(SITE, "plc")
        self.wcs = Wcs(self.driver, answers=False)

    async def route(self, tracking: int, belt: str = "b1", node: str = "S1", s: float = 5) -> None:
        until = CLOCK.now() + timedelta(seconds=s)
        await self.driver.tell(
            RouteUnit(device="plc", node=node, tracking=tracking, belt=belt, expires_at=until)
        )


@pytest.fixture
async def line() -> AsyncIterator[Line]:
    plc = Plc()
    server = await asyncio.start_server(plc.serve, "127.0.0.1", 0)
    plc.port = server.sockets[0].getsockname()[1]
    found = Line(plc)
    async with running(found.driver, found.wcs):
        await until(lambda: found.wcs.of(DeviceStatus))
        yield found
    server.close()


async def test_a_unit_that_asks_is_sent_by_its_belt_in_the_words_of_the_plc(line: Line):
    line.plc.say("REQ_", 41, barcode="C1", actual="SCAN0001")
    await until(lambda: line.wcs.of(UnitScanned))
    (scan,) = line.wcs.of(UnitScanned)
    assert (scan.node, scan.tracking, scan.status, scan.barcode) == ("S1", 41, "GOOD", "C1")
    await line.route(41)
    await until(lambda: line.plc.heard)
    (answer,) = line.plc.heard
    fields = {name: answer.get(name) for name in ("barcode", "actual", "target")}
    assert fields == {"barcode": "C1", "actual": "SCAN0001", "target": "BELT0001"}
    assert (answer.type, answer.sequence) == ("RES_", 42)


async def test_a_request_that_is_repeated_is_said_once_and_answered_again(line: Line):
    for _ in range(3):
        line.plc.say("REQ_", 7, barcode="C1", actual="SCAN0001")
    await until(lambda: line.wcs.of(UnitScanned))
    await line.route(7)
    line.plc.say("REQ_", 7, barcode="C1", actual="SCAN0001")
    await until(lambda: len(line.plc.heard) == 2)
    assert [one.get("target") for one in line.plc.heard] == ["BELT0001"] * 2
    line.plc.say("REQ_", 8, barcode="C1", actual="SCAN0001")  # round again
    await until(lambda: len(line.wcs.of(UnitScanned)) == 2)


async def test_what_could_not_be_read_has_no_label(line: Line):
    line.plc.say("REQ_", 1, error=1, barcode="NOREAD00000001", actual="SCAN0001")
    line.plc.say("UPD_", 2, error=5, barcode="C2", actual="X")
    await until(lambda: len(line.wcs.of(UnitScanned)) == 2)
    assert [(one.node, one.status, one.barcode) for one in line.wcs.of(UnitScanned)] == [
        ("S1", "NO_READ", None),
        ("X", "OVERWEIGHT", "C2"),
    ]


async def test_how_the_belts_are_is_said_again_to_who_asks(line: Line):
    for n, error in enumerate((18, 11, 12, 90, 0)):
        line.plc.say("LOCU", n, error=error, actual="BELT0001")
    await until(lambda: len(line.wcs.of(BeltChanged)) == 5)
    said = [one.status for one in line.wcs.of(BeltChanged)]
    assert said == ["JAM", "FULL", "STOPPED", "STOPPED", "OPEN"]
    await line.driver.tell(TellAgain())
    assert [one.status for one in line.wcs.of(BeltChanged)[5:]] == ["OPEN"]


async def test_a_route_that_is_late_or_for_nobody_is_not_sent(line: Line):
    line.plc.say("REQ_", 7, barcode="C1", actual="SCAN0001")
    await until(lambda: line.wcs.of(UnitScanned))
    await line.route(7, s=-1)
    await line.route(8)
    await line.route(7, node="X")
    await line.route(7)
    await until(lambda: line.plc.heard)
    assert len(line.plc.heard) == 1


async def test_places_of_nobody_are_refused_and_counted(line: Line):
    line.plc.say("REQ_", 1, barcode="C1", actual="S9")
    line.plc.say("REQ_", 2, actual="SCAN0001")
    line.plc.say("LOCU", 3, actual="b9")
    await until(lambda: len(line.plc.heard) == 3)
    assert {one.type for one in line.plc.heard} == {"ERR_"}
    assert line.driver.health()["malformed_total"] == 3
    assert not line.wcs.of(UnitScanned)
