"""A message at which the engine fails is set aside, and holds up nobody else: not once, and not
after a restart. The fault is put into the engine half-way, when the state is changed already.
"""

import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from edge.dead import ask_again, letters, read_letters
from tests.wcs.fleet import START
from tests.wcs.site import WHOLE, Site, running, states
from tests.wcs.small import square
from wcs import dispatch
from wcs.engine import Engine
from wcs.messages import TransportOrder
from wcs.plant import Plant
from wcs.poison import sift
from wcs.replay import replay
from wcs.state import Outbox, State, fresh_state, from_json, to_json

accept = dispatch.accept


def order(name: str) -> TransportOrder:
    return TransportOrder(id=name, load=f"load of {name}", source="c", destination="f")


def fragile(state: State, plant: Plant, message: TransportOrder, outbox: Outbox) -> None:
    """Accept an order, and then fall over a bad one."""
    accept(state, plant, message, outbox)
    if message.id.startswith("bad"):
        raise ZeroDivisionError("nobody thought of that")


@pytest.mark.parametrize("bad", [set(), {3}, {0, 6}, {2, 3, 5}, set(range(7))])
def test_what_the_engine_bears_is_found_and_what_not_says_why(
    bad: set[int], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(dispatch, "accept", fragile)
    plant = square()
    engine, before = Engine(plant), to_json(fresh_state(plant, START))
    inbox = [order(f"bad{n}" if n in bad else f"t{n}") for n in range(7)]
    kept, faults = sift(engine, before, inbox, START)
    assert kept == [n for n in range(7) if n not in bad]
    assert faults == dict.fromkeys(bad, "ZeroDivisionError: nobody thought of that")


def test_where_the_state_is_at_fault_no_message_is_blamed():
    plant = square(robots={"R1": "a"})
    state = fresh_state(plant, START)
    state.robots["R1"].transport = "unknown"
    state.stirred["R1"] = None
    with pytest.raises(KeyError, match="unknown"):
        sift(Engine(plant), to_json(state), [order("t1")], START + timedelta(seconds=1))


def wanted_again(journal: Path) -> bool:
    with closing(sqlite3.connect(journal)) as db:
        return bool(letters(db, again=True))


async def test_a_poisonous_message_becomes_a_dead_letter_and_the_others_go_on(
    site: Site, nats_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("wcs.runtime.LETTERS_EVERY_S", 0.1)
    monkeypatch.setattr(dispatch, "accept", fragile)
    journal = tmp_path / "j"
    async with running(site, nats_url, journal) as runtime:
        for name in ("t1", "bad1", "t2"):
            site.order(order(name))
        await site.until(lambda: states(site, "t1") == WHOLE and states(site, "t2") == WHOLE)
        await site.until(lambda: "device/dead.letters" in runtime.state.alarms)
        (letter,) = read_letters(journal)
        assert letter.body["id"] == "bad1"
        assert letter.problem == "ZeroDivisionError: nobody thought of that"
        assert states(site, "bad1") == []
        assert "bad1" not in runtime.state.transports
    async with running(site, nats_url, journal) as runtime:  # and no crash again and again
        site.order(order("t3"))
        await site.until(lambda: states(site, "t3") == WHOLE)
        assert ask_again(journal, [letter.id]) == 1  # in vain: nothing has been mended
        await site.until(lambda: not wanted_again(journal))
        assert [one.id for one in read_letters(journal)] == [letter.id]
        monkeypatch.setattr(dispatch, "accept", accept)  # the fault is mended
        ask_again(journal, [letter.id])
        await site.until(lambda: states(site, "bad1") == WHOLE)
        await site.until(lambda: "device/dead.letters" not in runtime.state.alarms)
    assert read_letters(journal) == []
    found = replay(journal)
    assert found.difference is None
    assert to_json(found.state) == to_json(from_json(to_json(runtime.state)))
