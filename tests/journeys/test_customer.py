"""A customer's way, through public doors on virtual time: told, following, changing, forgotten.

Mails go to a real SMTP server (simulators/mailbox.py), which dies in the middle of some. NOW is
09:00 UTC: 18:00 where customers are.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

from simulators.mailbox import Mailbox
from tests.builders import an_id
from tests.wms.collect.counter import Counter
from tests.wms.following import come, token_of, track
from tests.wms.house import GINZA, HUB, House
from wms.ids import derive
from wms.notices.brand import Brand
from wms.partners.gateway import ByChannel
from wms.partners.mail import Mailer

TOKYO = ZoneInfo("Asia/Tokyo")
TARO = {"name": "山田 太郎", "email": "taro@example.jp", "phone": "090-1111-2222"}
ANN = {"name": "Ann Smith", "email": "ann@example.com"}
BRAND = Brand(name="倉庫屋", public_url="https://shop.example")


class Shop:
    """A house that tells its customers, and the time that goes by."""

    def __init__(self, house: House, box: Mailbox) -> None:
        self.house, self.box = house, box
        mailer = Mailer(f"smtp://127.0.0.1:{box.smtp_port}", "倉庫屋 <shop@soko.example>")
        keys = house.http.app.state.services.contacts_keys  # type: ignore[attr-defined]
        house.jobs = replace(
            house.jobs, notifier=ByChannel(mailer, None), contacts_keys=keys, brand=BRAND
        )

    def later(self, **time: float) -> None:
        """Time goes by, and the worker looks every quarter of an hour."""
        until = self.house.clock.at + timedelta(**time)
        while True:
            while self.house.job("notify"):
                pass
            if self.house.clock.at >= until:
                return
            self.house.clock.at = min(until, self.house.clock.at + timedelta(minutes=15))

    def until(self, hour: int) -> None:
        """Until that hour of the clock where customers are."""
        here = self.house.clock.at.astimezone(TOKYO)
        then = here.replace(hour=hour, minute=0, second=0, microsecond=0)
        then += timedelta(days=then <= here)
        self.later(seconds=(then - here).total_seconds())

    def subjects(self, address: str) -> list[str]:
        """What that person has had, without brand and number."""
        return [
            mail.subject.partition("】")[2].partition("（")[0]
            or mail.subject.partition("] ")[2].partition(" N")[0]
            for mail in self.box.to(address)
        ]

    def ship(self) -> None:
        """Pick and pack all there is, and give it to the carrier."""
        self.house.tick()
        self.house.work_off(HUB, "pick")
        self.house.work_off(HUB, "pack")
        self.house.after_hours()


@pytest.fixture
def box() -> Iterator[Mailbox]:
    box = Mailbox()
    yield box
    box.stop()


@pytest.fixture
def shop(house: House, box: Mailbox) -> Shop:
    house.sku("TEA")
    house.stock("TEA", 20, "S01-01")
    house.stock("TEA", 5, "FLOOR-1", site=GINZA)
    return Shop(house, box)


def ask(house: House, token: str, what: str, **body: Any) -> Any:
    body.setdefault("command_id", str(an_id()))
    return house.http.post(f"/track/v1/{token}/{what}", json=body)


def test_an_order_is_told_and_followed_from_its_confirmation_to_its_return(shop: Shop):
    house = shop.house
    ja = house.put_order(("TEA", 2), contact=TARO)
    en = house.put_order(("TEA", 1), contact=ANN, language="en")
    shop.later(minutes=5)
    assert shop.subjects("taro@example.jp") == ["ご注文ありがとうございます"]
    assert shop.subjects("ann@example.com") == ["Thank you for your order"]

    # the link in the mail opens the page; other hours are chosen there
    (mail,) = shop.box.to("taro@example.jp")
    token = mail.text.partition("https://shop.example/t/")[2].split()[0]
    assert token == token_of(house, ja)
    seen = house.ok(ask(house, token, "slot", slot="18-20", delivery_on="2026-11-05"))
    assert (seen["eta"]["slot"], seen["first_name"]) == ("18-20", "太郎")

    shop.ship()
    assert ask(house, token, "slot", slot="14-16").json()["reason"] in {"packed", "shipped"}
    come(house)
    shop.later(minutes=30)
    told = shop.subjects("taro@example.jp")
    assert told[0] == "ご注文ありがとうございます"
    assert told[-1] == "商品をお届けしました"
    assert len(told) == len(set(told)), "each once"
    (last,) = [mail for mail in shop.box.to("ann@example.com") if "Delivered" in mail.subject]
    assert "TN-" in last.text, "with the number of its parcel"

    seen = track(house, token)
    assert seen["status"] == "DELIVERED"
    back = ask(house, token, "returns", lines=[{"line_no": 1, "units": 1, "reason": "SIZE"}])
    assert back.status_code == 201
    assert track(house, token)["returns"][0]["state"] in {"REQUESTED", "LABELLED"}
    assert track(house, token_of(house, en))["language"] == "en"


def test_a_mail_server_that_dies_again_and_again_shows_each_mail_once(shop: Shop):
    house = shop.house
    orders = [house.put_order(("TEA", 1), contact=TARO) for _ in range(5)]
    shop.box.mode = "drop"
    shop.later(minutes=5)
    shop.box.mode = "down"
    shop.later(minutes=5)
    shop.box.mode = "drop"
    shop.later(minutes=45)
    assert len(shop.box.received) > len(orders), "it was said more than once"
    shop.box.mode = "up"
    shop.later(hours=2)

    tokens = {mail.text.partition("/t/")[2].split()[0] for mail in shop.box.mails}
    assert len(shop.box.mails) == len(orders)
    assert tokens == {token_of(house, order) for order in orders}
    assert len({mail.content for mail in shop.box.received}) == len(orders)


def test_at_night_nobody_is_woken_and_in_the_morning_hears_what_is_still_true(shop: Shop):
    house = shop.house
    shop.until(hour=22)
    kept = house.put_order(("TEA", 1), contact=TARO)
    taken_back = house.put_order(("TEA", 1), contact=TARO)
    shop.later(minutes=30)
    house.ok(ask(house, token_of(house, taken_back), "cancellation"))
    shop.later(hours=9)
    assert shop.box.received == []
    shop.until(hour=8)

    assert sorted(shop.subjects("taro@example.jp")) == [
        "ご注文ありがとうございます",
        "ご注文の取り消しについて",
    ]
    (thanks,) = [mail for mail in shop.box.mails if "ありがとう" in mail.subject]
    assert house.order(kept)["number"] in thanks.subject


def test_a_bag_is_ready_its_code_is_on_the_page_and_nobody_is_reminded_of_what_they_have(
    shop: Shop,
):
    house = shop.house
    counter = Counter(house)
    order = counter.collect(("TEA", 1), contact=TARO)
    token = token_of(house, order)
    assert track(house, token)["pickup"]["qr"] is None, "nothing to show yet"
    counter.ready(order)
    shop.later(minutes=5)

    (mail,) = [mail for mail in shop.box.mails if "準備ができました" in mail.subject]
    pickup = track(house, token)["pickup"]
    assert f"受取番号：{pickup['code']}" in mail.text
    picture = house.http.get(f"/track/v1/{token}/qr.svg")
    assert picture.headers["content-type"].startswith("image/svg+xml")
    assert picture.text.startswith("<svg")

    shop.until(hour=22)
    counter.later(days=6)  # at night: the reminder waits for the morning
    house.ok(counter.hand_over(order, pickup["qr"]))
    shop.until(hour=9)
    assert "お受け取り期限が近づいています" not in shop.subjects("taro@example.jp")
    assert shop.subjects("taro@example.jp")[-1] == "商品をお渡ししました"
    seen = track(house, token)
    assert (seen["status"], seen["pickup"]["code"]) == ("COLLECTED", None)
    assert house.http.get(f"/track/v1/{token}/qr.svg").status_code == 404


def test_who_does_not_fetch_a_reservation_is_reminded_then_told_once_that_it_is_over(shop: Shop):
    house = shop.house
    order = an_id()
    body = {
        "number": "R-1", "channel": "web", "site": GINZA, "contact": TARO,
        "placed_at": house.clock.at.isoformat(),
        "lines": [{"line_no": 1, "sku": "TEA", "units": 1}],
        "expires_at": (house.clock.at + timedelta(hours=40)).isoformat(),
    }  # fmt: skip
    house.ok(house.http.put(f"/shop/v1/reservations/{order}", json=body))
    for _ in range(48):
        house.job("reservations")
        shop.later(hours=1)

    told = shop.subjects("taro@example.jp")
    assert told.count("お取り置き期限のお知らせ") == 1
    assert told.count("お取り置き期限が過ぎました") == 1
    assert "ご注文の取り消しについて" not in told, "one mail says it"


def test_a_customer_is_forgotten_when_all_is_done(shop: Shop):
    house = shop.house
    order = house.put_order(("TEA", 1), contact=TARO, customer="C-1")
    token = token_of(house, order)
    contact = str(derive(order, "contact"))
    wish = {"contact_ids": [contact], "by": "privacy desk", "reason": "asked by mail"}

    refused = house.http.post("/privacy/v1/erasures", json=wish)
    assert (refused.status_code, refused.json()["reason"]) == (409, "order_open")
    house.ok(house.http.post("/privacy/v1/erasures", json=wish | {"at_close": True}))
    house.job("forget_people")
    assert track(house, token)["first_name"] == "太郎", "somebody must still bring it"

    shop.ship()
    come(house)
    shop.later(minutes=30)
    mails = len(shop.box.mails)
    assert mails >= 1
    house.job("forget_people")

    receipt = house.ok(house.http.get(f"/privacy/v1/erasures/{contact}"))
    assert (receipt["by"], receipt["reason"]) == ("privacy desk", "asked by mail")
    assert house.http.get(f"/track/v1/{token}").status_code == 404
    known = house.ok(house.http.post("/privacy/v1/exports", json={"email": TARO["email"]}))
    assert known["contacts"] == []
    shop.later(days=1)
    assert len(shop.box.mails) == mails
    assert order == UUID(house.order(order)["id"]), "what was sold stays sold"
