"""Bookings: once for a parcel, each carrier for itself, another when it is silent for long."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any, TypeVar
from uuid import UUID

import pytest

from tests.builders import NOW, an_id
from wms.database import Database
from wms.ports import Booked
from wms.shipping import bookings
from wms.shipping.bookings import Asked, Key, Wish
from wms.shipping.model import BookingRow
from wms.shipping.rates import default_card
from wms.shipping.rules import DEFAULT
from wms.shipping.tables import CarrierFacts, save_carrier

CARD = default_card()
HOUR = timedelta(hours=1)
T = TypeVar("T")


class Shelf:
    """Bookings in a real database, at moments that a test says."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.now = NOW

    def do(self, work: Callable[..., T], *args: Any, **more: Any) -> T:
        return self.database.run(lambda s: work(s, *args, **more))

    def want(self, service: str = "YAMATO", **more: Any) -> UUID:
        parcel = an_id()
        one = Wish(
            site_id=an_id(), parcel_id=parcel, sscc=f"{parcel.int % 10**18:018}", service=service,
            weight_g=900, sender="東京都", prefecture="大阪府", postal_code="530-0001",
        )  # fmt: skip
        self.do(bookings.want, CARD, [replace(one, **more)], now=self.now)
        return parcel

    def due(self) -> list[Key]:
        return self.do(bookings.due, now=self.now)

    def ask(self, key: Key) -> Asked | None:
        return self.do(bookings.ask, key, now=self.now)

    def fail(self, key: Key) -> None:
        assert self.ask(key) is not None
        self.do(bookings.failed, key, "no answer", now=self.now)

    def row(self, parcel: UUID) -> BookingRow:
        (row,) = self.do(bookings.bookings_of, [parcel])
        return row

    def fall_back(self) -> list[bookings.FallenBack]:
        return self.do(bookings.fall_back, CARD, dict(DEFAULT.fall_backs), after=HOUR, now=self.now)


@pytest.fixture
def shelf(database: Database) -> Shelf:
    return Shelf(database)


def test_a_parcel_is_wished_for_once(shelf: Shelf):
    parcel = shelf.want()
    row = shelf.row(parcel)
    wish = Wish(site_id=row.site_id, parcel_id=parcel, sscc=row.sscc, service="SAGAWA", weight_g=1)
    assert shelf.do(bookings.want, CARD, [wish], now=shelf.now) == 0
    assert shelf.row(parcel).service == "YAMATO"
    assert (row.carrier, row.reference) == ("YAMATO", row.sscc[-12:])
    assert row.estimate_minor == CARD.cost_minor("YAMATO", "東京都", "大阪府", 900)


def test_two_workers_do_not_ask_for_the_same_parcel_at_once(shelf: Shelf):
    shelf.want()
    (key,) = shelf.due()
    assert shelf.ask(key) is not None
    assert shelf.ask(key) is None
    assert shelf.due() == []
    shelf.now += bookings.LEASE  # the first one died: its question is asked again
    assert shelf.ask(shelf.due()[0]) is not None


def test_what_was_answered_is_kept_and_a_second_answer_changes_nothing(shelf: Shelf):
    parcel = shelf.want()
    (key,) = shelf.due()
    shelf.ask(key)
    first = Booked(tracking_number="T1", label_pdf=b"%PDF", cost_minor=700)
    assert shelf.do(bookings.keep, key, first, now=shelf.now) == "T1"
    assert shelf.do(bookings.keep, key, Booked(tracking_number="T2"), now=shelf.now) == "T1"
    row = shelf.row(parcel)
    assert (row.state, row.tracking, row.label_pdf) == ("BOOKED", "T1", b"%PDF")
    assert (row.cost_minor, row.attempts) == (700, 1)
    assert shelf.due() == []


def test_a_silent_carrier_is_asked_for_one_parcel_and_the_others_go_on(shelf: Shelf):
    for _ in range(3):
        shelf.want("YAMATO")
    shelf.want("SAGAWA")
    first = next(key for key in shelf.due() if key.carrier == "YAMATO")
    shelf.fail(first)
    assert [key.carrier for key in shelf.due()] == ["SAGAWA"]
    shelf.now += bookings.pause(1)
    assert sorted(key.carrier for key in shelf.due()) == ["SAGAWA", "YAMATO"]
    probe = next(key for key in shelf.due() if key.carrier == "YAMATO")
    shelf.ask(probe)
    shelf.do(bookings.keep, probe, Booked(tracking_number="T"), now=shelf.now)
    assert len([key for key in shelf.due() if key.carrier == "YAMATO"]) == 2


def test_it_is_left_alone_a_little_longer_each_time():
    assert [bookings.pause(n).total_seconds() for n in (1, 2, 3, 20)] == [2, 4, 8, 300]


def test_only_what_was_never_asked_for_falls_back(shelf: Shelf):
    asked, never = shelf.want(), shelf.want()
    key = next(key for key in shelf.due() if key.parcel_id == asked)
    shelf.fail(key)
    assert shelf.fall_back() == []  # not yet
    shelf.now += HOUR
    (fallen,) = shelf.fall_back()
    assert (fallen.parcel_id, fallen.was, fallen.service) == (never, "YAMATO", "SAGAWA")
    assert (shelf.row(never).carrier, shelf.row(asked).carrier) == ("SAGAWA", "YAMATO")


def test_nobody_falls_back_to_a_carrier_that_is_silent_too_or_does_not_take_it(shelf: Shelf):
    silent, heavy = shelf.want("YAMATO"), shelf.want("SAGAWA", weight_g=40_000)
    for key in shelf.due():
        shelf.fail(key)
    waiting = [shelf.want("YAMATO"), shelf.want("SAGAWA", weight_g=40_000)]
    shelf.now += HOUR
    assert shelf.fall_back() == []
    assert {shelf.row(each).state for each in (silent, heavy, *waiting)} == {"WANTED"}


def test_a_refusal_is_final(shelf: Shelf):
    parcel = shelf.want()
    (key,) = shelf.due()
    shelf.ask(key)
    shelf.do(bookings.refused, key, "no such place", now=shelf.now)
    shelf.now += HOUR
    assert shelf.due() == []
    assert (shelf.row(parcel).state, shelf.row(parcel).problem) == ("REFUSED", "no such place")


def test_taken_back_before_it_was_asked_for_it_is_simply_gone(shelf: Shelf):
    parcel = shelf.want()
    assert (
        shelf.do(bookings.cancel, shelf.row(parcel).site_id, parcel, now=shelf.now) == "CANCELLED"
    )
    assert shelf.due() == []


def test_taken_back_after_that_the_carrier_is_told(shelf: Shelf):
    parcel = shelf.want()
    (key,) = shelf.due()
    shelf.ask(key)
    assert shelf.do(bookings.cancel, key.site_id, parcel, now=shelf.now) == "CANCELLING"
    shelf.do(bookings.keep, key, Booked(tracking_number="T1"), now=shelf.now)  # the late answer
    again = shelf.ask(key)
    assert again is not None
    assert again.cancel
    shelf.do(bookings.forgotten, key)
    assert shelf.row(parcel).state == "CANCELLED"


def test_what_the_carrier_has_collected_stays_booked(shelf: Shelf):
    parcel = shelf.want()
    (key,) = shelf.due()
    shelf.ask(key)
    shelf.do(bookings.keep, key, Booked(tracking_number="T1"), now=shelf.now)
    shelf.do(bookings.cancel, key.site_id, parcel, now=shelf.now)
    shelf.ask(key)
    shelf.do(bookings.refused, key, "collected", now=shelf.now)
    assert shelf.row(parcel).state == "BOOKED"


def test_a_carrier_that_works_with_files_is_not_asked(shelf: Shelf):
    shelf.want("YAMATO")
    shelf.do(save_carrier, CarrierFacts(code="YAMATO", mode="FILE"))
    assert shelf.due() == []


def test_a_booking_is_found_by_each_of_its_numbers(shelf: Shelf):
    parcel = shelf.want()
    row = shelf.row(parcel)
    for code in (row.sscc, row.reference):
        found = shelf.do(bookings.find, code)
        assert found is not None
        assert found.id == parcel
    assert shelf.do(bookings.find, "nothing") is None
