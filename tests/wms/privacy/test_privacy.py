"""Personal data: nowhere but under its key, exported whole, erased for good, forgotten in time.

The canary is a person whose every word is marked. What they did goes through all doors; then each
table, log, event and answer is searched for the marks.
"""

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Engine, text
from structlog.testing import capture_logs

from simulators.mailbox import Mailbox
from tests.builders import an_id
from tests.wms.following import come, deliver, token_of
from tests.wms.house import GINZA, House
from wms.contacts.keys import Keys
from wms.ids import derive
from wms.notices.brand import Brand
from wms.notices.jobs import notice_jobs
from wms.orders.model import Order
from wms.partners.gateway import ByChannel
from wms.partners.mail import Mailer
from wms.privacy.jobs import privacy_jobs

MARKS = {
    "name": "Kanaria Birdsong",
    "kana": "カナリアトリノウタ",
    "email": "kanaria.birdsong@cage.example",
    "phone": "070-7777-3131",
    "line_id": "kanaria-line",
    "postal_code": "987-6543",
}
STREET = "Cage Street 12-34-56"
PERSON: dict[str, Any] = MARKS | {"address_lines": [STREET, "Perch 7"]}
# whole words, and what is left of them when somebody splits or folds them
WORDS = [
    *MARKS.values(), STREET, "Kanaria", "Birdsong", "kanaria", "birdsong", "Perch 7", "07077773131",
]  # fmt: skip


@pytest.fixture
def box() -> Iterator[Mailbox]:
    box = Mailbox()
    yield box
    box.stop()


@pytest.fixture
def keys(house: House) -> Keys:
    keys: Keys = house.http.app.state.services.contacts_keys  # type: ignore[attr-defined]
    return keys


@pytest.fixture
def goods(house: House) -> None:
    house.sku("TEA")
    house.stock("TEA", 50, "S01-01")
    house.stock("TEA", 5, "BACK-1", site=GINZA)


def tell(house: House, box: Mailbox, keys: Keys) -> None:
    """All that customers are to be told, by day."""
    mailer = Mailer(f"smtp://127.0.0.1:{box.smtp_port}", "Shop <shop@soko.example>")
    (job,) = notice_jobs(house.database, house.clock, ByChannel(mailer, None), keys, Brand())
    house.clock.at += timedelta(minutes=11)
    while job.run():
        pass


def forget(house: House) -> None:
    for job in privacy_jobs(house.database, house.clock, None):
        job.run()


def found_in(superuser: Engine, words: list[str]) -> list[tuple[str, str]]:
    """Every table that has one of the words in any column, as text or in bytes."""
    found = []
    with superuser.connect() as connection:
        tables = connection.scalars(
            text(
                "SELECT c.oid::regclass::text FROM pg_class c JOIN pg_namespace n"
                " ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'm')"
                " AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')"
            )
        ).all()
        assert "contact" in tables
        assert len(tables) > 40
        marks = {mark: word for word in words for mark in marks_of(word)}
        for table in tables:
            query = text(
                "SELECT DISTINCT m FROM unnest(cast(:marks AS text[])) AS m"  # noqa: S608 - a table of ours
                f" JOIN {table} t ON strpos(lower(t::text), lower(m)) > 0"
            )
            hits = connection.scalars(query, {"marks": list(marks)})
            found += [(table, marks[hit]) for hit in hits]
    return found


def marks_of(word: str) -> list[str]:
    """A word as it may stand in a row: itself, its bytes, escaped as in JSON."""
    return [word, word.encode().hex(), json.dumps(word)[1:-1]]


def erase(house: House, *orders: UUID, **more: Any) -> Any:
    ids = [str(derive(order_id, "contact")) for order_id in orders]
    body = {"contact_ids": ids, "by": "privacy desk", "reason": "asked"} | more
    return house.http.post("/privacy/v1/erasures", json=body)


def live_through_all(house: House, box: Mailbox, keys: Keys) -> tuple[list[UUID], list[str]]:
    """What a person can set off; their orders, and every answer that was given."""
    answers: list[str] = []

    def said(answer: Any) -> Any:
        answers.append(answer.text + str(dict(answer.headers)))
        return answer

    hook = {"url": "https://oms.example/hook", "secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}
    house.ok(said(house.http.put(f"/oms/v1/webhooks/{an_id()}", json=hook)))
    ids = [an_id(), an_id(), an_id()]
    sent, cancelled, collected = ids
    for order_id, more in (
        (sent, {}), (cancelled, {}), (collected, {"fulfilment": "COLLECT", "to_site": GINZA}),
    ):  # fmt: skip
        body = house.order_body(("TEA", 1), contact=PERSON, customer="C-4711", **more)
        said(house.http.put(f"/oms/v1/orders/{order_id}", json=body))
        said(house.http.put(f"/oms/v1/orders/{order_id}", json=body))
        other = body | {"contact": PERSON | {"kana": MARKS["kana"] + "X"}}
        said(house.http.put(f"/oms/v1/orders/{order_id}", json=other))
        said(house.http.get(f"/oms/v1/orders/{order_id}"))
    for wrong in (
        {"email": f"{MARKS['email']}\nBcc: x"}, {"phone": MARKS["email"]},
        {"notify": MARKS["name"]}, {"name": f"{MARKS['name']}\u0000"}, {"fax": MARKS["phone"]},
        {"address_lines": STREET},
    ):  # fmt: skip
        body = house.order_body(("TEA", 1), contact=PERSON | wrong)
        answer = said(house.http.put(f"/oms/v1/orders/{an_id()}", json=body))
        assert answer.status_code == 422, answer.text
    found = said(house.http.get(f"/oms/v1/orders/{an_id()}/{MARKS['line_id']}"))
    assert found.status_code == 404
    token = token_of(house, cancelled)
    command = {"command_id": str(an_id())}
    followed = house.ok(house.http.post(f"/track/v1/{token}/cancellation", json=command))
    assert followed.pop("first_name") == "Kanaria", "the given name, and no more"
    answers.append(json.dumps(followed, ensure_ascii=False))
    box.mode = "unknown"
    tell(house, box, keys)
    box.mode = "up"
    deliver(house)
    tell(house, box, keys)
    said(house.http.get("/console/v1/summary"))
    said(house.http.get("/console/v1/exceptions"))
    return ids, [each for each in answers if each]


@pytest.mark.usefixtures("goods")
def test_a_person_is_found_nowhere_but_under_their_key(
    house: House, box: Mailbox, keys: Keys, superuser: Engine
):
    with capture_logs() as logs:
        ids, answers = live_through_all(house, box, keys)

    assert found_in(superuser, WORDS) == []
    for word in WORDS:
        assert not [answer for answer in answers if word in answer]
        assert word not in repr(house.webhooks.events)
        assert word not in repr(logs)
    assert len(house.webhooks.events) > 5, "there was something to search"
    with superuser.connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM notice WHERE state = 'DEAD'"))
    seen = house.http.get(f"/privacy/v1/orders/{ids[0]}/contact").json()
    assert seen["name"] == MARKS["name"], "and who may know is told"
    assert any(MARKS["name"] in mail.text for mail in box.mails)


@pytest.mark.usefixtures("goods")
def test_the_search_finds_what_is_there(house: House, superuser: Engine):
    """So that the test above can fail."""
    house.put_order(("TEA", 1), customer="Kanaria Birdsong", number="カナリアトリノウタ")

    found = found_in(superuser, WORDS)

    assert ("customer_order", "Kanaria Birdsong") in found
    assert ("customer_order", "カナリアトリノウタ") in found
    assert ("outbox", "カナリアトリノウタ") in found


@pytest.mark.usefixtures("goods")
def test_after_an_erasure_nobody_is_there(
    house: House, box: Mailbox, keys: Keys, superuser: Engine
):
    ids, _ = live_through_all(house, box, keys)
    sent, cancelled, _collected = ids
    with superuser.connect() as connection:
        query = text("SELECT sealed, wrapped_key, by_email FROM contact WHERE id = :id")
        kept = connection.execute(query, {"id": derive(sent, "contact")}).one()

    done = house.ok(erase(house, sent, cancelled))

    assert {receipt["contact_id"] for receipt in done["receipts"]} == {
        str(derive(each, "contact")) for each in (sent, cancelled)
    }
    for receipt in done["receipts"]:
        assert (receipt["by"], receipt["reason"]) == ("privacy desk", "asked")
        assert "data key" in receipt["destroyed"]
        assert len(receipt["digest"]) == 64
    with superuser.connect() as connection:
        dump = connection.scalar(
            text("SELECT string_agg(c::text, '|') FROM contact c WHERE erased_at IS NOT NULL")
        )
        for part in kept:
            assert bytes(part).hex() not in dump
        row = connection.execute(
            text(
                "SELECT customer, token, latitude, postal_code FROM customer_order WHERE id = :id"
            ),
            {"id": sent},
        ).one()
    assert (row.customer, row.token, row.postal_code) == (None, "", "100")
    assert row.latitude == round(row.latitude, 1)
    assert house.http.get(f"/privacy/v1/orders/{sent}/contact").status_code == 404
    again = house.ok(erase(house, sent, cancelled))
    assert again == done, "asked again: the receipts of then"
    contact_id = derive(sent, "contact")
    assert house.ok(house.http.get(f"/privacy/v1/erasures/{contact_id}")) in done["receipts"]
    assert house.order(sent)["number"], "the order itself stays"


@pytest.mark.usefixtures("goods")
def test_who_has_an_open_order_is_still_needed(house: House, superuser: Engine):
    order_id = house.put_order(("TEA", 1), contact=PERSON)

    refused = erase(house, order_id)

    assert refused.status_code == 409
    facts = refused.json()
    assert (facts["code"], facts["reason"]) == ("still_needed", "order_open")
    assert facts["number"] == house.order(order_id)["number"]
    unknown = erase(house, order_id, an_id(), at_close=True)
    assert unknown.status_code == 404

    later = house.ok(erase(house, order_id, at_close=True))
    assert later == {"receipts": [], "at_close": [str(derive(order_id, "contact"))]}
    forget(house)
    seen = house.http.get(f"/privacy/v1/orders/{order_id}/contact")
    assert seen.status_code == 200, "somebody must still bring it"
    deliver(house)
    forget(house)
    assert house.http.get(f"/privacy/v1/orders/{order_id}/contact").status_code == 404
    receipt = house.ok(house.http.get(f"/privacy/v1/erasures/{derive(order_id, 'contact')}"))
    assert (receipt["by"], receipt["reason"]) == ("privacy desk", "asked")
    assert found_in(superuser, WORDS) == []


@pytest.mark.usefixtures("goods")
def test_a_parcel_that_is_on_its_way_needs_a_person(house: House):
    order_id = house.put_order(("TEA", 1), contact=PERSON)
    house.tick()
    for kind in ("pick", "pack"):
        house.work_off("TYO1", kind)
    house.after_hours()

    assert erase(house, order_id).json()["reason"] in {"order_open", "parcel_on_its_way"}


@pytest.mark.usefixtures("goods")
def test_a_channel_keeps_people_as_long_as_it_may(house: House):
    """Thirty days for a marketplace; and not a day while the order is open."""
    market = house.put_order(("TEA", 1), contact=PERSON, channel="marketplace")
    web = house.put_order(("TEA", 1), contact=PERSON)
    house.tick()
    open_ = house.put_order(("TEA", 1), contact=PERSON, channel="marketplace")

    def known() -> list[bool]:
        forget(house)
        return [
            house.http.get(f"/privacy/v1/orders/{each}/contact").status_code == 200
            for each in (market, web, open_)
        ]

    house.work_off("TYO1", "pick")
    deliver_without_new(house)
    house.clock.at += timedelta(days=29)
    assert known() == [True, True, True]
    house.clock.at += timedelta(days=2)
    assert known() == [False, True, True]
    house.ok(house.http.put("/privacy/v1/retention/web", json={"keep_days": 30}))
    assert known() == [False, False, True]
    assert house.ok(house.http.get("/privacy/v1/retention/web"))["keep_days"] == 30
    assert house.ok(house.http.get("/privacy/v1/retention/other"))["keep_days"] == 400


def deliver_without_new(house: House) -> None:
    """What is picked goes to its customers; what was placed since stays open."""
    house.work_off("TYO1", "pack")
    house.after_hours()
    come(house)


@pytest.mark.usefixtures("goods")
def test_a_person_is_exported_whole(house: House, box: Mailbox, keys: Keys):
    ids, _ = live_through_all(house, box, keys)
    house.put_order(("TEA", 1), contact={"name": "Somebody Else", "email": "else@x.example"})

    out = house.ok(house.http.post("/privacy/v1/exports", json={"email": MARKS["email"].upper()}))

    assert {contact["id"] for contact in out["contacts"]} == {
        str(derive(each, "contact")) for each in ids
    }
    assert out["contacts"][0]["contact"]["address_lines"] == [STREET, "Perch 7"]
    assert {order["id"] for order in out["orders"]} == set(map(str, ids))
    sent = next(order for order in out["orders"] if order["id"] == str(ids[0]))
    assert sent["parcels"][0]["state"] == "DELIVERED"
    assert {notice["template"] for notice in out["notices"]} >= {"placed", "delivered"}
    nothing = house.http.post("/privacy/v1/exports", json={})
    assert (nothing.status_code, nothing.json()["code"]) == (422, "too_little")
    nobody = house.ok(house.http.post("/privacy/v1/exports", json={"phone": "03-0000-0000"}))
    assert (nobody["contacts"], nobody["orders"]) == ([], [])


@pytest.mark.usefixtures("goods")
def test_people_are_found_at_the_counter_of_their_store(house: House):
    at_store = house.put_order(("TEA", 1), contact=PERSON, fulfilment="COLLECT", to_site=GINZA)
    house.put_order(("TEA", 1), contact=PERSON)

    def find(**asked: str) -> Any:
        return house.http.post("/console/v1/contacts:find", json=asked)

    (found,) = house.ok(find(last4="3131", site=GINZA))
    assert (found["order_id"], found["name"]) == (str(at_store), MARKS["name"])
    assert found["site"] == GINZA
    assert len(house.ok(find(email=MARKS["email"]))) == 2
    assert house.ok(find(last4="0000", site=GINZA)) == []
    assert find(last4="3131").json()["code"] == "too_little", "the end of a number is many people's"
    assert find(site=GINZA).status_code == 422


@pytest.mark.usefixtures("goods")
def test_another_way_to_be_told_is_told_to_us(house: House):
    order_id = house.put_order(("TEA", 1), contact=PERSON)
    address = f"/privacy/v1/orders/{order_id}/contact"

    changed = house.ok(house.http.put(address, json=PERSON | {"notify": "NONE"}))

    assert changed["notify"] == "NONE"
    assert house.http.put(address, json={"name": ""}).status_code == 422
    assert house.http.put(f"/privacy/v1/orders/{an_id()}/contact", json=PERSON).status_code == 404


@pytest.mark.usefixtures("goods")
def test_an_order_that_is_sent_again_after_an_erasure_brings_nobody_back(house: House):
    order_id = an_id()
    body = house.order_body(("TEA", 1), contact=PERSON)
    house.ok(house.http.put(f"/oms/v1/orders/{order_id}", json=body))
    deliver(house)
    house.ok(erase(house, order_id))

    again = house.http.put(f"/oms/v1/orders/{order_id}", json=body)

    assert again.status_code == 200
    assert house.http.get(f"/privacy/v1/orders/{order_id}/contact").status_code == 404
    assert house.database.run(lambda s: s.get_one(Order, order_id)).token == ""
