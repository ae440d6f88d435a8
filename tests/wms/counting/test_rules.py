"""How counts are judged, by whom they are believed, and who loses what is not there."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st

from wms.counting.give_up import Claim, choose
from wms.counting.rules import Entry, Key, Policy, Round, Turn, classify, due, judge, window

KEY = Key(unit=UUID(int=0), sku=UUID(int=1), lot="")
NOW = datetime(2026, 11, 27, tzinfo=UTC)


def seen(counted: int, book: int = 10, **more: object) -> Round:
    entry = Entry(counted=counted, lo=book, hi=book, **more)  # type: ignore[arg-type]
    return Round(entries={KEY: entry})


def test_who_is_believed():
    policy = Policy()
    assert judge([seen(10)], policy) == "AGREED"
    assert judge([seen(8)], policy, "C") == "ACCEPTED"
    assert judge([seen(8)], policy, "A") == "RECOUNT"
    assert judge([seen(9, exact=True)], policy, "C") == "RECOUNT"
    assert judge([seen(8, value_minor=2_000)], policy, "C") == "RECOUNT"
    assert judge([seen(2), seen(2)], policy) == "ACCEPTED"
    assert judge([seen(2, value_minor=9_000), seen(2, value_minor=9_000)], policy) == "REVIEW"
    assert judge([seen(2), seen(10)], policy) == "AGREED"
    assert judge([seen(2), seen(3)], policy) == "RECOUNT"
    assert judge([seen(2), seen(3), seen(2)], policy) == "ACCEPTED"
    assert judge([seen(2), seen(3), seen(4)], policy) == "REVIEW"
    moved = Round(entries={KEY: Entry(counted=6, lo=7, hi=10)})
    assert judge([moved], policy, "C") == "RECOUNT"  # goods moved: one person is not enough
    assert judge([Round(entries={KEY: Entry(counted=8, lo=7, hi=10)})], policy) == "AGREED"


@given(st.integers(0, 50), st.lists(st.integers(-9, 9), max_size=8), st.integers(0, 50))
def test_a_window_has_all_that_the_books_ever_had(begin: int, steps: list[int], end: int):
    lo, hi = window(begin, steps, end)
    path = [begin + sum(steps[:n]) for n in range(len(steps) + 1)]
    assert (lo, hi) == (min([*path, end]), max([*path, end]))


@given(st.dictionaries(st.uuids(), st.integers(0, 1000), max_size=20))
def test_the_worthiest_are_a(worth: dict[UUID, int]):
    classes = classify(worth)
    ranked = sorted(worth, key=lambda sku: (-worth[sku], sku))
    assert [classes[sku] for sku in ranked] == sorted(classes[sku] for sku in ranked)
    assert all(classes[sku] == "C" for sku in worth if not worth[sku])
    if any(worth.values()):
        assert classes[ranked[0]] == "A"


def test_what_is_late_by_most_of_its_time_is_counted_first():
    turns = [
        Turn(place="never", abc="C", counted_at=None),
        Turn(place="a", abc="A", counted_at=NOW - timedelta(days=61)),
        Turn(place="b", abc="B", counted_at=NOW - timedelta(days=91)),
        Turn(place="not yet", abc="A", counted_at=NOW - timedelta(days=29)),
    ]
    assert [turn.place for turn in due(turns, Policy(), 9, NOW)] == ["never", "a", "b"]
    assert [turn.place for turn in due(turns, Policy(), 2, NOW)] == ["never", "a"]


@st.composite
def stocks(draw: st.DrawFn) -> tuple[int, int, int, list[Claim]]:
    """A place, other places, and holds that fit into what there is."""
    here, elsewhere = draw(st.integers(1, 30)), draw(st.integers(0, 30))
    left = {"here": here, "all": here + elsewhere}
    claims = []
    for number in range(draw(st.integers(0, 8))):
        is_here = draw(st.booleans())
        room = min(left["all"], left["here"]) if is_here else left["all"] - left["here"]
        if room <= 0:
            continue
        units = draw(st.integers(1, room))
        left["all"] -= units
        left["here"] -= units if is_here else 0
        rank = (draw(st.integers(0, 1)), draw(st.integers(0, 2)), 0, float(number))
        claims.append(
            Claim(hold_id=UUID(int=number), state="PINNED" if is_here else "HELD", units=units,
                  rank=rank, whole=draw(st.booleans()), here=is_here)
        )  # fmt: skip
    return draw(st.integers(1, here)), left["here"], left["all"], claims


@settings(max_examples=60)
@given(stocks())
def test_after_giving_up_all_promises_can_be_kept_and_no_more_was_given_up(
    stock: tuple[int, int, int, list[Claim]],
):
    missing, unpinned, free, claims = stock
    losses = choose(missing, unpinned, free, claims)
    ended = [loss for loss in losses if not loss.stays]
    assert len({loss.claim.hold_id for loss in losses}) == len(losses)
    assert all(1 <= loss.units <= loss.claim.units for loss in losses)
    # what nobody has now, and what was given up, is enough for what is missing
    assert free + sum(loss.units for loss in ended) >= missing
    here = sum(loss.units for loss in losses if loss.claim.here)
    assert unpinned + here >= missing
    if ended:  # without the last of them it would not have been
        assert free + sum(loss.units for loss in ended[:-1]) < missing
    kept = [claim for claim in claims if claim.hold_id not in {x.claim.hold_id for x in ended}]
    assert all(loss.claim.rank <= claim.rank for loss in ended for claim in kept)
