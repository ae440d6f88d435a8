"""Two WCS of one site: one leads, whatever becomes of the other, and what it did goes on."""

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest

from edge.clock import SystemClock
from edge.kept import InUse
from edge.messages import Drive
from edge.mqtt import PahoBus
from tests.wcs.fleet import START
from tests.wcs.site import Site, site_text, states
from tests.wcs.test_journal import FILE, record, worked
from wcs.engine import Engine
from wcs.journal import Journal, Superseded
from wcs.messages import TransportOrder
from wcs.runtime import Runtime
from wcs.standby import Standby
from wcs.state import Outbox, to_json


async def test_a_standby_has_the_state_and_leads_when_the_first_has_fallen(tmp_path: Path):
    path, world = tmp_path / "j", worked()
    standby = Standby(path, silent_s=99.0)
    assert not standby.look(), "there is nothing yet"
    record(path, world, end=60)
    assert standby.look()
    assert not standby.look()
    with Journal(path, FILE) as first:
        state = first.state(Engine(first.plant), START)
        engine = Engine(first.plant)
        for inbox, now in world.batches[60:140]:
            first.write(now, inbox, engine.step(state, inbox, now), {}, state)
        waiting = asyncio.create_task(standby.lead(FILE, lambda: 7_000_000_000))
        async with asyncio.timeout(30):
            while standby.batch < 140:  # noqa: ASYNC110 - another thread
                await asyncio.sleep(0)
        assert not waiting.done(), "the first one leads"
    with await waiting as second:
        assert second.term == 7_000_000_000 > first.term
        assert to_json(second.state(Engine(second.plant), START)) == to_json(state)


async def test_who_hung_and_goes_on_commits_nothing_more(tmp_path: Path):
    path = tmp_path / "j"
    with Journal(path, FILE) as hung:
        state = hung.state(Engine(hung.plant), START)
        hung.write(START, [], Outbox(), {}, state)
        with await Standby(path, silent_s=0.0).lead(FILE, lambda: 0) as second:
            assert second.term == hung.term + 1
            order = TransportOrder(id="t1", load="x", source="nowhere", destination="ST-1")
            with pytest.raises(Superseded):
                hung.write(START, [order], Outbox(), {("wms", "e"): 9}, state)
            with pytest.raises(Superseded):
                hung.start_over()
            with pytest.raises(InUse):
                Journal(path, FILE)
            second.write(START + timedelta(1), [], Outbox(), {}, state)
            assert second.positions("wms") == {}
        with Journal(path, FILE) as third:
            assert third.term == second.term + 1


async def test_a_site_goes_on_when_its_first_wcs_hangs(site: Site, nats_url: str, tmp_path: Path):
    text, clock, path = site_text(site.code), SystemClock(), tmp_path / "j"
    async with (
        PahoBus(nats_url, client_id=f"a-{site.code}") as bus,
        PahoBus(nats_url, client_id=f"b-{site.code}") as other,
    ):
        with Journal(path, text) as journal:
            first = Runtime(journal, bus, clock)
            running = asyncio.create_task(first.run())
            site.order(TransportOrder(id="t1", load="x", source="c", destination="f"))
            await site.until(lambda: "LOADED" in states(site, "t1"))
            running.cancel()  # it hangs: its journal stays open, and it says nothing
            await asyncio.gather(running, return_exceptions=True)
            with await Standby(path, silent_s=0.2).lead(text, lambda: 0) as taken:
                second = asyncio.create_task(Runtime(taken, other, clock).run())
                await site.until(lambda: "FINISHED" in states(site, "t1"))
                old = Drive(robot="R1", mission="old", update=0, nodes=())
                first._say(old)
                await site.until(lambda: site.refused)
                with pytest.raises(Superseded):
                    await first.run()
                second.cancel()
                await asyncio.gather(second, return_exceptions=True)
    assert old in site.refused
    assert old not in site.commands
    assert site.fence.highest == taken.term
