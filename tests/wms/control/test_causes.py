"""An alarm that explains others stands above them; what nothing explains stands for itself."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wms.control.rules import BURST, FLOOD, Ground, Seen, causes, ground_of, is_flood

AT = datetime(2026, 4, 1, 8, 0, tzinfo=UTC)
GROUND = ground_of(
    {
        "robots": [{"name": f"R-{n}"} for n in range(40)],
        "devices": [{"name": "fleet", "driver": "vda5050"}, {"name": "sorter1", "driver": "opcua"}],
        "conveyors": [{"device": "cv1", "to": "sorter1"}],
        "gates": [{"name": "GATE-1", "device": "rfid-1"}],
        "portals": [{"name": "lift", "device": "lift-plc"}],
        "circuits": [
            {"name": "all", "device": "plc"},
            {"name": "north", "device": "plc", "devices": ["cv1"]},
        ],
    }
)
SOURCES = ("edge", "fleet", "sorter1", "cv1", "R-1", "R-2", "all", "north", "lift", "lift-plc")
CODES = (
    "device.down", "device.fault", "safety.stopped", "fleet.silent", "robot.silent", "sorter.jam",
    "sorter.lane_full", "mfc.full", "portal.silent", "pick.short",
)  # fmt: skip


def seen(code: str, source: str, after_s: float = 0) -> Seen:
    return Seen(id=f"{code}/{source}", code=code, source=source, at=AT + timedelta(seconds=after_s))


@pytest.mark.parametrize(
    ("cause", "effects", "others"),
    [
        (("device.down", "edge"), [("robot.silent", "R-1"), ("device.down", "cv1")],
         [("pick.short", "A-01")]),
        (("safety.stopped", "all"), [("robot.deaf", "R-1"), ("sorter.jam", "sorter1")],
         [("gate.ambiguous", "GATE-1")]),
        (("safety.stopped", "north"), [("robot.deaf", "R-1"), ("mfc.full", "cv1")],
         [("sorter.lane_full", "sorter1")]),
        (("device.down", "fleet"), [("robot.silent", "R-1")], [("portal.silent", "lift")]),
        (("device.fault", "lift-plc"), [("portal.fault", "lift")], [("robot.silent", "R-1")]),
        (("sorter.jam", "sorter1"), [("mfc.full", "cv1"), ("sorter.lane_full", "sorter1")],
         [("mfc.lost", "cv1")]),
    ],
)  # fmt: skip
def test_what_follows_from_it_lies_under_it(
    cause: tuple[str, str], effects: list[tuple[str, str]], others: list[tuple[str, str]]
):
    alarms = [seen(*one, after_s=n) for n, one in enumerate([cause, *effects, *others])]
    assert causes(alarms, GROUND) == {f"{code}/{at}": "/".join(cause) for code, at in effects}


def test_what_began_long_before_is_not_explained():
    jam, full = seen("sorter.jam", "sorter1", 60), seen("sorter.lane_full", "sorter1")
    assert causes([jam, full], GROUND) == {}
    soon = seen("sorter.lane_full", "sorter1", 57)  # messages overtake each other
    assert causes([jam, soon], GROUND) == {soon.id: jam.id}


def test_causes_of_causes_are_followed_to_the_first():
    alarms = [
        seen("robot.silent", "R-1", 9),
        seen("fleet.silent", "fleet", 8),
        seen("device.down", "fleet", 1),
        seen("device.down", "edge"),
    ]
    first = causes(alarms, GROUND)
    assert set(first.values()) == {"device.down/edge"}
    assert len(first) == 3


def test_a_hundred_of_a_kind_in_ten_seconds_are_one_line():
    flood = [seen("robot.fault", f"R-{n}", n / 10) for n in range(100)]
    first = causes(flood, Ground())
    assert len(first) == 99
    assert set(first.values()) == {flood[0].id}
    few = flood[: BURST - 1]
    assert causes(few, Ground()) == {}, "few are not a flood: each stands for itself"


def test_a_flood_is_more_than_somebody_can_look_at():
    times = [AT + timedelta(seconds=n) for n in range(FLOOD + 1)]
    assert is_flood(times, times[-1])
    assert not is_flood(times[:-1], times[-1])
    assert not is_flood(times, times[-1] + timedelta(minutes=11))


@given(
    st.lists(
        st.tuples(st.sampled_from(CODES), st.sampled_from(SOURCES), st.integers(0, 30)),
        unique_by=lambda one: one[:2],
    )
)
def test_nothing_explains_itself_and_a_first_cause_is_explained_by_nothing(
    told: list[tuple[str, str, int]],
):
    alarms = [seen(*one) for one in told]
    first = causes(alarms, GROUND)
    ids = {one.id for one in alarms}
    for effect, cause in first.items():
        assert effect != cause
        assert {effect, cause} <= ids
        assert cause not in first
    assert causes(alarms[::-1], GROUND) == first, "whatever the order"
