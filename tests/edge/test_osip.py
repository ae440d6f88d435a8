"""OSIP telegrams, and a sorter and a conveyor that speak them over real connections."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.drivers import DeviceUnavailable, osip
from edge.drivers.around import Around
from edge.messages import (
    CartonArrived,
    CartonScanned,
    CartonSorted,
    DeviceStatus,
    LaneTable,
    ReleaseCarton,
    TellAgain,
)
from edge.osip import SKIP_MAX, Malformed, Splitter, Telegram, decode, encode
from edge.ports import free_port
from simulators.live_conveyor import LiveConveyor
from simulators.live_osip import SorterTelegrams
from tests.edge.live_cell import CLOCK, Wcs, a_cell, a_driver, a_site, running, until

# telegrams as a foreign controller and a PLC exchange them (openwms, its own test of the driver)
REQUEST = (
    b"###00160SPS03MFC__00001REQ_000000000S0000004711FGINIPNT000100000000????????????????????"
    b"0000009020131123225959"
).ljust(160, b"*")
RESPONSE = (
    b"###00160MFC__SPS0300002RES_000000000S0000004711FGINIPNT000100000000FGINCONV000100000000"
    b"********************0000009020190527184424"
).ljust(160, b"*")
AT = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)


def update(**more: Any) -> Telegram:
    facts: dict[str, Any] = {"type": "UPD_", "sender": "PLC", "receiver": "MFC", "sequence": 7}
    return Telegram(**facts | {"at": AT, "fields": {"barcode": "B", "actual": "L1"}} | more)


# ------------------------------------------------------------------------------ the codec
def test_foreign_telegrams_are_read_and_written_to_the_byte():
    asked, answered = decode(REQUEST), decode(RESPONSE)
    assert (asked.type, asked.sender, asked.receiver, asked.sequence) == ("REQ_", "SPS03", "MFC", 1)
    assert asked.get("barcode") == "000000000S0000004711"
    assert asked.get("target") == ""
    assert (asked.error, asked.at) == (90, datetime(2013, 11, 23, 22, 59, 59, tzinfo=UTC))
    assert answered.get("target") == "FGINCONV000100000000"
    assert encode(answered) == RESPONSE


@given(
    kind=st.sampled_from(["UPD_", "REQ_", "RES_"]),
    barcode=st.text("ABCDEFGHIJ0123456789", max_size=20),
    sequence=st.integers(0, 99_999),
    error=st.integers(0, 99_999_999),
    cut=st.integers(1, 159),
)
def test_what_is_written_is_read_however_it_is_cut(
    kind: str, barcode: str, sequence: int, error: int, cut: int
):
    told = update(
        type=kind, sequence=sequence, error=error, fields={"barcode": barcode, "actual": "L1"}
    )
    body = encode(told) + b"\r\n" + encode(told)
    splitter = Splitter()
    frames = [*splitter.feed(body[:cut]), *splitter.feed(body[cut:])]
    assert len(frames) == 2
    for frame in frames:
        heard = decode(frame)
        assert (heard.type, heard.sequence, heard.error) == (kind, sequence, error)
        assert (heard.get("barcode"), heard.get("actual"), heard.at) == (barcode, "L1", AT)
    assert splitter.skipped == 0


@pytest.mark.parametrize(
    "wrong",
    [
        {"fields": {"barcode": "B" * 21}},
        {"fields": {"barcode": "###"}},
        {"fields": {"barcode": "荷"}},
        {"fields": {"colour": "red"}},
        {"type": "WHAT"},
        {"sequence": 100_000},
        {"sender": "TOO LONG"},
    ],
)
def test_what_does_not_fit_is_not_written(wrong: dict[str, Any]):
    with pytest.raises(Malformed):
        encode(update(**wrong))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"###",
        b"\xff" * 160,
        encode(update()).replace(b"UPD_", b"WHAT"),
        encode(update()).replace(b"20261122", b"20261399"),
        encode(update()).replace(b"00007UPD_", b"0000xUPD_"),
    ],
)
def test_what_is_no_telegram_is_told_apart(body: bytes):
    with pytest.raises(Malformed):
        decode(body)


def test_a_sync_that_was_lost_is_found_again_and_noise_has_an_end():
    one, splitter = encode(update()), Splitter()
    assert splitter.feed(b"noise#" + one[:40] + one + b"\r\n" + one) == [one, one]
    assert splitter.skipped == 46
    with pytest.raises(Malformed, match="without a telegram"):
        splitter.feed(b"x" * (SKIP_MAX + 1))


# ------------------------------------------------------------------------------ a sorter
async def scanned(live: LiveConveyor, *codes: str) -> None:
    """Put cartons on and release them by hand, without the conveyor's own driver."""
    for code in codes:
        await live.put(code)
        standing = live.cell.line.state.standing
        assert standing is not None
        live._command(live.cell.line.state.last_task + 1, standing.tracking)


async def test_a_sorter_is_answered_by_the_wcs_or_by_the_table(tmp_path: Path):
    site = a_site(driver="osip")
    async with a_cell(tmp_path, site) as (live, _):
        driver = a_driver(site, "sorter1")
        wcs = Wcs(driver)
        async with running(driver, wcs):
            await scanned(live, "L2-a", "L1-b")
            await until(lambda: len(wcs.of(CartonSorted)) == 2)
            assert (live.lane("L1"), live.lane("L2")) == (("L1-b",), ("L2-a",))
            sorted_ones = {one.barcode: one for one in wcs.of(CartonSorted)}
            assert sorted_ones["L2-a"].lane == "L2"
            scans = {one.barcode: one.tracking for one in wcs.of(CartonScanned)}
            assert scans == {code: one.tracking for code, one in sorted_ones.items()}

            valid_until = CLOCK.now() + timedelta(minutes=5)
            await driver.tell(
                LaneTable(
                    device="sorter1", table="t", since=0, version=1, rows={"c": "L1"},
                    valid_until=valid_until,
                )
            )  # fmt: skip
            await scanned(live, "c")
            await until(lambda: live.lane("L1") == ("L1-b", "c"))
            assert wcs.of(CartonScanned)[-1].lane == "L1"
            await driver.tell(TellAgain())
            assert [one.status for one in wcs.of(DeviceStatus)] == ["UP", "UP"]


async def test_what_cannot_be_read_goes_round_and_a_jam_is_a_fault(tmp_path: Path):
    site = a_site(driver="osip", no_read=1.0, decision_window_s=0.05, lap_s=0.05)
    async with a_cell(tmp_path, site) as (live, _):
        driver = a_driver(site, "sorter1")
        wcs = Wcs(driver, answers=False)
        async with running(driver, wcs):
            await scanned(live, "L1-a")
            await until(lambda: len(wcs.of(CartonSorted)) == 4)
            assert live.lane("HOSP") == ("L1-a",)
            seen = [(one.status, one.barcode, one.lap) for one in wcs.of(CartonScanned)]
            assert seen == [("NO_READ", None, lap) for lap in range(4)]
            last = wcs.of(CartonSorted)[-1]
            assert (last.status, last.lane) in {("MAX_RECIRC", "HOSP"), ("DIVERTED", "HOSP")}
            assert len({one.tracking for one in wcs.of(CartonScanned)}) == 1

            live.cell.sorter.suspend("jam", CLOCK.now())
            await until(lambda: wcs.of(DeviceStatus)[-1].status == "FAULT")
            await live.clear_jam()
            await until(lambda: wcs.of(DeviceStatus)[-1].status == "UP")


async def test_nonsense_is_answered_with_an_error_and_harms_nobody(tmp_path: Path):
    site = a_site(driver="osip")
    async with a_cell(tmp_path, site) as (live, _):
        plc = live._sorter
        assert isinstance(plc, SorterTelegrams)
        driver = a_driver(site, "sorter1")
        wcs = Wcs(driver)
        async with running(driver, wcs):
            await until(lambda: wcs.of(DeviceStatus))
            plc.send(encode(update()).replace(b"UPD_", b"WHAT") + b"junk\r\n")
            plc.ask_time()
            await until(lambda: plc.errors == 1)
            await scanned(live, "L1-a")
            await until(lambda: live.lane("L1"))
            assert driver.health()["malformed_total"] == 1

            plc.send(b"x" * (SKIP_MAX + 100))  # no OSIP at all: the connection ends, and comes back
            await until(lambda: driver.health()["connections_total"] == 2)
            await scanned(live, "L2-b")
            await until(lambda: live.lane("L2"))


async def test_a_type_that_is_not_on_the_list_is_not_sent(tmp_path: Path):
    site = a_site(driver="osip", writes=[], decision_window_s=0.05, laps_max=0)
    site["sorters"][0]["laps_max"] = 0
    async with a_cell(tmp_path, site) as (live, _):
        driver = a_driver(site, "sorter1")
        wcs = Wcs(driver)
        async with running(driver, wcs):
            await scanned(live, "L1-a")
            await until(lambda: live.lane("HOSP") == ("L1-a",))
            assert driver.health()["writes_refused_total"]


# ------------------------------------------------------------------------------ a conveyor
@asynccontextmanager
async def a_plc() -> AsyncIterator[tuple[int, asyncio.Queue[Any], list[Telegram]]]:
    """A PLC of a few lines: what it shall send goes in the queue, what it hears in the list."""
    say: asyncio.Queue[Any] = asyncio.Queue()
    heard: list[Telegram] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async def listen() -> None:
            splitter = Splitter()
            while data := await reader.read(1000):
                heard.extend(decode(frame) for frame in splitter.feed(data))

        listening = asyncio.create_task(listen())
        while (body := await say.get()) is not None:
            writer.write(body)
        writer.close()
        await asyncio.gather(listening, return_exceptions=True)

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1], say, heard
    finally:
        say.put_nowait(None)
        server.close()
        await server.wait_closed()


async def test_a_conveyor_lets_a_carton_go_once_and_only_the_one_that_stands_there():
    async with a_plc() as (port, say, heard):
        site = a_site()
        site["devices"][0] |= {
            "driver": "osip", "port": port, "writes": ["RES_", "TIMS"],
            "locations": {"INDUCT": "FGIN01", "sorter1": "FGIN02"},
        }  # fmt: skip
        driver = a_driver(site, "cv1")
        wcs = Wcs(driver, answers=False)
        async with running(driver, wcs):
            here = {"barcode": "B", "actual": "FGIN01"}
            say.put_nowait(encode(update(type="REQ_", sequence=41, fields=here)))
            await until(lambda: wcs.of(CartonArrived))
            assert [(one.point, one.tracking) for one in wcs.of(CartonArrived)] == [("INDUCT", 41)]

            soon = CLOCK.now() + timedelta(seconds=9)
            other, release = (
                ReleaseCarton(device="cv1", point="INDUCT", tracking=tracking, expires_at=soon)
                for tracking in (40, 41)
            )
            await driver.tell(other)
            await driver.tell(release)
            say.put_nowait(encode(update(type="SYNQ", fields={})))
            await until(lambda: len(heard) == 2)
            (answer, time) = heard
            assert (answer.type, answer.sequence, answer.get("target")) == ("RES_", 42, "FGIN02")
            assert time.type == "TIMS"

            say.put_nowait(encode(update(fields={"barcode": "B", "actual": "FGIN02"})))
            say.put_nowait(encode(update(type="SYSU", error=4, fields={"group": "FGIN"})))
            await until(lambda: wcs.of(DeviceStatus)[-1].detail == "FGIN: 4")
            await driver.tell(release)
            assert len(heard) == 2, "it has gone"


async def test_a_request_that_is_repeated_is_said_once_and_answered_again(tmp_path: Path):
    async with a_plc() as (port, say, heard):
        site = a_site(driver="osip", opcua_port=port)
        driver = a_driver(site, "sorter1", folder=tmp_path)
        wcs = Wcs(driver)
        async with running(driver, wcs):
            here = {"barcode": "L1-a", "actual": "SCANNER"}
            say.put_nowait(encode(update(type="REQ_", sequence=41, fields=here)))
            await until(lambda: len(heard) == 1)
            say.put_nowait(encode(update(type="REQ_", sequence=41, fields=here)))
            await until(lambda: len(heard) == 2)
            say.put_nowait(encode(update(type="REQ_", sequence=57, fields=here)))
            await until(lambda: len(heard) == 3)
        assert {one.get("target") for one in heard} == {"L1"}
        assert [one.sequence for one in heard] == [42, 42, 58]
        assert [(one.tracking, one.lap) for one in wcs.of(CartonScanned)] == [(41, 0), (41, 1)]


async def test_a_request_is_answered_when_it_is_on_disk(tmp_path: Path):
    async with a_cell(tmp_path, a_site(driver="osip", decision_window_s=20)) as (live, site):
        driver = a_driver(site, "sorter1")
        wcs, asked, on_disk = Wcs(driver), asyncio.Event(), asyncio.Event()

        async def a_slow_disk() -> None:
            asked.set()
            await on_disk.wait()

        driver.spooled = a_slow_disk
        async with running(driver, wcs):
            await scanned(live, "L1-a")
            await asyncio.wait_for(asked.wait(), 20)
            (carton,) = live.cell.sorter.state.loop
            assert (len(wcs.of(CartonScanned)), carton.lane) == (1, None)
            on_disk.set()
            await until(lambda: carton.lane == "L1")


async def test_a_plc_that_is_away_is_unavailable():
    driver = a_driver(a_site(driver="osip", opcua_port=free_port()), "sorter1")
    with pytest.raises(DeviceUnavailable, match="no connection"):
        await driver.run(Wcs().say)


def test_settings_that_make_no_sense_are_refused(tmp_path: Path):
    for wrong in ({"errors": {"5": "SAD"}}, {"writes": ["REQ_"]}, {"name": "nobody"}):
        row = {"name": "sorter1", "port": 1, **wrong}
        with pytest.raises(ValueError, match=r"SAD|REQ_|nobody"):
            osip.make(row, Around(clock=CLOCK, site=a_site(), state_dir=tmp_path))
