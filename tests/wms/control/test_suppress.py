"""While its cause stands an alarm may be hidden, by design; nothing is hidden without a trace."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.wms.control.test_causes import CODES, GROUND, SOURCES
from wcs.sitefile import PlantError, read_site_file
from wms.control.rules import DESIGN, OUT, Seen, Suppression, ground_of
from wms.control.suppress import suppressed

AT = datetime(2026, 4, 1, 8, 0, tzinfo=UTC)
BELTS = ground_of(
    {
        "belts": [
            {"name": "b1", "start": "S1", "end": "S2"},
            {"name": "b2", "start": "S2", "end": "S3"},
            {"name": "b3", "start": "S3", "end": "S4"},
        ],
        "conveyors": [{"device": "cv1", "to": "sorter1"}],
        "gates": [{"name": "GATE-1", "device": "rfid-1"}],
        "portals": [{"name": "lift", "device": "lift-plc"}],
        "suppressions": [
            {"when": "mfc.stopped", "hides": ["belt.starved"], "where": "after"},
            {"when": "robot.blocked", "hides": ["robot.blocked", "robot.stuck"], "where": "site"},
        ],
    }
)


def seen(told: str, after_s: float = 0, priority: int = 2) -> Seen:
    code, _, source = told.partition("/")
    at = AT + timedelta(seconds=after_s)
    return Seen(id=told, code=code, source=source, at=at, priority=priority)


@pytest.mark.parametrize(
    ("cause", "hidden", "shown"),
    [
        ("mfc.stopped/b2", {"mfc.full/b1", "belt.starved/b3"}, {"mfc.full/b3", "mfc.jam/b1"}),
        ("mfc.stopped/b3", {"mfc.full/b1", "mfc.full/b2"}, {"belt.starved/b1"}),
        ("mfc.stopped/cv1", {"sorter.no_read_rate/sorter1"}, {"sorter.no_read_rate/sorter2"}),
        ("robot.manual/R-1", {"robot.silent/R-1", "robot.stuck/R-1"}, {"robot.silent/R-2"}),
        ("safety.stopped/all", {"robot.stuck/R-1"}, {"gate.ambiguous/GATE-1"}),
        ("robot.blocked/R-1", {"robot.stuck/R-2"}, {"robot.silent/R-2"}),
    ],
)
def test_a_stop_that_people_wanted_hides_what_follows_from_it(
    cause: str, hidden: set[str], shown: set[str]
):
    alarms = [seen(cause, 9), *(seen(one) for one in sorted(hidden | shown))]
    code, _, source = cause.partition("/")
    assert suppressed(alarms, BELTS) == dict.fromkeys(hidden, (code, source))
    assert suppressed(alarms[1:], BELTS) == {}, "its cause is over: it is back"


def test_a_machine_out_of_service_hides_what_it_speaks_for_and_what_fills_before_it():
    alarms = [seen("portal.silent/lift"), seen("mfc.full/b1"), seen("portal.silent/door")]
    assert suppressed(alarms, BELTS, ["lift-plc", "b2"]) == {
        "portal.silent/lift": (OUT, "lift-plc"),
        "mfc.full/b1": (OUT, "b2"),
    }
    assert suppressed([], BELTS, ["lift-plc"]) == {}


def test_what_is_urgent_is_never_hidden():
    alarms = [seen("mfc.stopped/b2"), seen("mfc.full/b1", priority=1)]
    assert suppressed(alarms, BELTS) == {}


def test_two_that_would_hide_each_other_are_not_both_gone():
    alarms = [seen("robot.blocked/R-1"), seen("robot.blocked/R-2"), seen("robot.blocked/R-3")]
    assert len(suppressed(alarms, BELTS)) == 2
    assert len(set(suppressed(alarms, BELTS).values())) == 1, "one is named for both"


@given(
    st.lists(
        st.tuples(st.sampled_from((*CODES, "robot.manual", "mfc.stopped", "robot.stuck")),
                  st.sampled_from(SOURCES), st.integers(0, 30), st.integers(1, 3)),
        unique_by=lambda one: one[:2],
    ),
    st.lists(st.tuples(st.sampled_from(CODES), st.frozensets(st.sampled_from(CODES), min_size=1),
                       st.sampled_from(("same", "before", "after", "circuit", "site"))),
             max_size=4),
    st.sets(st.sampled_from(SOURCES), max_size=2),
)  # fmt: skip
def test_whatever_the_rules_what_hides_is_in_sight(
    told: list[tuple[str, str, int, int]],
    rules: list[tuple[str, frozenset[str], str]],
    out: set[str],
):
    own = [Suppression(when=when, hides=hides, where=where)  # type: ignore[arg-type]
           for when, hides, where in rules]  # fmt: skip
    ground = ground_of({}).__class__(
        speaks_for=GROUND.speaks_for, circuits=GROUND.circuits, leads_to=GROUND.leads_to,
        design=(*DESIGN, *own),
    )  # fmt: skip
    alarms = [seen(f"{code}/{source}", at, priority) for code, source, at, priority in told]
    hidden = suppressed(alarms, ground, out)
    ids = {one.id for one in alarms}
    for effect, (code, source) in hidden.items():
        assert effect in ids
        assert f"{code}/{source}" not in hidden
        assert f"{code}/{source}" in ids or (code == OUT and source in out)
    assert hidden.keys().isdisjoint(one.id for one in alarms if one.priority == 1)
    assert suppressed(alarms[::-1], ground, out) == hidden, "whatever the order"


def test_a_site_file_says_how_alarms_are_shown_and_is_refused_where_it_is_wrong():
    text = Path("simulators/sites/tokyo.toml").read_text(encoding="utf-8")
    more = """
    [alarms]
    operators = 2
    latched = ["sorter.jam"]
    [[suppressions]]
    when = "mfc.stopped"
    hides = ["belt.starved"]
    where = "after"
    """
    assert read_site_file(text + more).alarms.latched == ("sorter.jam",)
    for wrong in (more.replace("after", "near"), more.replace("operators = 2", "operators = 0")):
        with pytest.raises(PlantError):
            read_site_file(text + wrong)
