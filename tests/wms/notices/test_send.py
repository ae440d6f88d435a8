"""Notices: told once, in their language, by a mail server that dies in the middle, never at night.

The mail server is a real one (simulators/mailbox.py) on loopback.
"""

import smtplib
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import func, select

from tests.builders import an_id
from tests.wms.notices.world import BRAND, NOON, TARO, World
from wms import outbox
from wms.contacts import Contact, change_contact, erase_contact
from wms.ids import derive
from wms.notices.facts import day
from wms.notices.gather import gather
from wms.notices.jobs import Post, notice_jobs
from wms.notices.model import Notice
from wms.notices.send import LEASE, claim, settle
from wms.notices.send import Outcome as Came
from wms.outbound.model import ExceptionRow
from wms.sites import site_id


def test_an_order_is_confirmed_in_its_language(world: World):
    ja, en = (
        world.order(),
        world.order(language="en", contact=Contact(name="Ann", email="ann@x.example")),
    )
    for order_id in (ja, en):
        world.happens(order_id, "OrderPlaced")
    world.works(minutes=2)

    (taro,), (ann,) = world.box.to("taro@example.jp"), world.box.to("ann@x.example")
    assert taro.subject.startswith("【倉庫屋】ご注文ありがとうございます")
    assert "山田 太郎 様" in taro.text
    assert f"https://shop.example/t/token-{ja.hex}" in taro.text
    assert ann.subject.startswith("[倉庫屋] Thank you for your order")
    assert "Dear Ann," in ann.text
    assert taro.message["From"] == "倉庫屋 <shop@soko.example>"
    assert taro.message["Auto-Submitted"] == "auto-generated"
    assert world.notice(ja, "placed").state == "SENT"


def test_nothing_of_a_person_is_in_a_notice(world: World):
    order_id = world.order()
    world.happens(order_id, "OrderPlaced")
    world.works(minutes=2)

    notice = world.notice(order_id, "placed")
    said = repr(
        {name: value for name, value in vars(notice).items() if name != "_sa_instance_state"}
    )
    assert "taro" not in said
    assert "山田" not in said


def test_a_server_that_breaks_off_after_taking_it_shows_one_mail(world: World):
    """At least once to the server, under one Message-ID: the reader finds one."""
    order_id = world.order()
    world.happens(order_id, "OrderPlaced")
    world.box.mode = "drop"
    world.works(minutes=2)
    assert world.notice(order_id, "placed").state == "WAITING"
    world.box.mode = "up"
    world.works(minutes=10)

    assert len(world.box.received) >= 2
    assert len({mail.content for mail in world.box.received}) == 1, "the same to the byte"
    assert len(world.subjects) == 1
    assert world.notice(order_id, "placed").state == "SENT"


def test_a_worker_that_dies_after_sending_sends_no_second_mail_that_is_seen(world: World):
    order_id = world.order()
    world.happens(order_id, "OrderPlaced")
    world.notify()
    world.at += timedelta(minutes=1)
    (mine,) = world.database.run(lambda s: claim(s, now=world.at))
    message = world.database.run(lambda s: world.post._word(s, mine))
    world.post.notifier.send(message)  # and here it dies
    world.works(minutes=2)
    assert len(world.box.received) == 1, "the lease has not ended"
    world.works(minutes=LEASE / timedelta(minutes=1))

    assert len(world.box.received) == 2
    assert len(world.subjects) == 1
    assert world.database.run(lambda s: settle(s, mine, Came("late"), now=world.at)) == "SENT"


def test_two_workers_tell_once(world: World):
    order_id = world.order()
    world.happens(order_id, "OrderPlaced")
    while world.notify():
        pass
    world.at += timedelta(minutes=1)

    first = world.database.run(lambda s: claim(s, now=world.at))
    second = world.database.run(lambda s: claim(s, now=world.at))

    assert [len(first), len(second)] == [1, 0]


def test_who_was_too_slow_does_not_speak_for_who_took_over(world: World):
    order_id = world.order()
    world.happens(order_id, "OrderPlaced")
    while world.notify():
        pass
    world.at += timedelta(minutes=1)
    (slow,) = world.database.run(lambda s: claim(s, now=world.at))
    world.at += LEASE
    (_second,) = world.database.run(lambda s: claim(s, now=world.at))
    lease_until = world.notice(order_id, "placed").due_at

    world.database.run(lambda s: settle(s, slow, Came("refused", is_final=True), now=world.at))

    notice = world.notice(order_id, "placed")
    assert (notice.state, notice.due_at) == ("WAITING", lease_until)


def test_an_event_that_is_gathered_again_is_one_notice(world: World):
    """The consumer's cursor is put back, as after a restore: the ids are the same."""
    order_id = world.order()
    world.happens(order_id, "OrderPlaced")
    world.works(minutes=2)

    def back(session: Any) -> None:
        session.get_one(outbox.OutboxConsumer, "notices").position = 0

    world.database.run(back)
    world.works(minutes=2)

    assert len(world.box.received) == 1


def test_at_night_nobody_is_told_and_in_the_morning_everybody(world: World):
    world.at = NOON + timedelta(hours=8, minutes=59, seconds=30)  # 20:59:30
    order_id = world.order()
    world.happens(order_id, "OrderPlaced")
    world.works()
    morning = (NOON + timedelta(days=1)).replace(hour=23) - timedelta(days=1)  # 08:00
    assert world.notice(order_id, "placed").due_at == morning
    world.works(minutes=11 * 60 - 1)
    assert world.box.received == []
    world.works(minutes=2)

    assert len(world.subjects) == 1


def test_a_notice_that_waits_into_the_night_goes_on_waiting(world: World):
    world.at = NOON + timedelta(hours=8, minutes=58)  # 20:58
    order_id = world.order()
    world.box.mode = "down"
    world.happens(order_id, "OrderPlaced")
    world.works(minutes=3)
    assert world.notice(order_id, "placed").attempts >= 1
    world.box.mode = "up"
    world.works(minutes=60)
    assert world.box.received == []
    world.works(minutes=10 * 60)

    assert len(world.subjects) == 1


def test_who_is_elsewhere_is_told_by_day_there(world: World):
    world.at = NOON + timedelta(hours=10)  # 22:00 in Tokyo, 14:00 in Berlin
    there = world.order(Contact(name="A", email="a@x.example", time_zone="Europe/Berlin"))
    here = world.order()
    for order_id in (there, here):
        world.happens(order_id, "OrderPlaced")
    world.works(minutes=2)

    assert [mail.recipients for mail in world.box.mails] == [("a@x.example",)]


def test_a_reminder_of_what_is_collected_is_not_sent(world: World):
    world.at = NOON + timedelta(hours=10)  # at night: all wait
    order_id = world.order(fulfilment="COLLECT", to_site_id=site_id("S-GNZ"))
    keep = (NOON + timedelta(days=3)).isoformat()
    world.happens(order_id, "CollectReady", keep_until=keep)
    world.happens(order_id, "CollectReminder", keep_until=keep)
    world.happens(order_id, "CollectHandedOver")
    world.works(minutes=11 * 60)

    (mail,) = world.box.mails
    assert "お渡ししました" in mail.subject
    assert world.notice(order_id, "collect_reminder").state == "SUPERSEDED"
    assert world.notice(order_id, "collect_ready").state == "SUPERSEDED"


def test_what_is_ready_is_said_with_its_code_and_until_when(world: World):
    order_id = world.order(fulfilment="COLLECT", to_site_id=site_id("S-GNZ"))
    world.happens(order_id, "CollectReady", keep_until=(NOON + timedelta(days=3)).isoformat())
    world.works()

    (mail,) = world.box.mails
    assert "店舗：銀座店" in mail.text
    assert "受取番号：" in mail.text
    kept = NOON.astimezone(ZoneInfo("Asia/Tokyo")) + timedelta(days=3)
    assert f"お取り置き期限：{day(kept.date(), 'ja')} 12:00" in mail.text


def test_an_offer_that_has_run_out_by_morning_is_not_made(world: World):
    world.at = NOON + timedelta(hours=10)
    order_id = world.order(fulfilment="RESERVE", to_site_id=site_id("S-GNZ"))
    world.happens(order_id, "ReserveReminder", until=(world.at + timedelta(hours=3)).isoformat())
    world.works(minutes=11 * 60)

    assert world.box.received == []
    assert world.notice(order_id, "reserve_reminder").problem == "too late"


def test_promises_that_change_in_quick_succession_are_told_as_they_are_now(world: World):
    order_id = world.order()
    for days in (1, 2, 3):
        by = (NOON + timedelta(days=days)).isoformat()
        world.happens(order_id, "PromiseChanged", reason="short_pick", by=by, was=by)
        world.works(minutes=1)
    world.works(minutes=10)

    (mail,) = world.box.mails
    assert "理由：在庫不足" in mail.text


def test_a_promise_that_the_confirmation_will_tell_is_not_told_beside_it(world: World):
    order_id = world.order()
    world.happens(order_id, "OrderPlaced")
    world.happens(order_id, "PromiseChanged", reason="sourced", by=NOON.isoformat(), was=None)
    world.works(minutes=10)

    assert len(world.subjects) == 1
    world.happens(order_id, "PromiseChanged", reason="short_pick", was=NOON.isoformat(),
                  by=(NOON + timedelta(days=1)).isoformat())  # fmt: skip
    world.works(minutes=10)
    assert len(world.subjects) == 2


def test_who_does_not_want_to_be_told_is_not(world: World):
    order_id = world.order(Contact(name="A", email="a@x.example", notify="NONE"))
    later = world.order()
    for each in (order_id, later):
        world.happens(each, "OrderPlaced")
    world.notify()
    silent = Contact(name=TARO.name, email=TARO.email, notify="NONE")
    world.database.run(
        lambda s: change_contact(s, world.keys, derive(later, "contact"), silent, now=world.at)
    )
    world.works(minutes=2)

    assert world.box.received == []
    assert {world.notice(each, "placed").state for each in (order_id, later)} == {"UNWANTED"}


def test_who_has_been_erased_is_not_told(world: World):
    order_id = world.order()
    world.happens(order_id, "OrderPlaced")
    world.notify()
    world.database.run(
        lambda s: erase_contact(s, derive(order_id, "contact"), by="x", reason="y", now=world.at)
    )
    world.works(minutes=2)

    assert world.box.received == []
    assert world.notice(order_id, "placed").state == "UNWANTED"


def test_after_a_day_a_person_is_told_that_nobody_was(world: World):
    order_id = world.order(to_site_id=site_id("S-GNZ"), fulfilment="COLLECT")
    other = world.order(Contact(name="B", email="b@x.example"))
    world.box.mode = "full"
    for each in (order_id, other):
        world.happens(each, "OrderPlaced")
    world.works(minutes=26 * 60)

    notice = world.notice(order_id, "placed")
    assert (notice.state, notice.problem) == ("DEAD", "mail: code 452")
    assert notice.attempts < 40, "later and later"
    reports = world.database.run(lambda s: s.scalars(select(ExceptionRow)).all())
    assert {report.code for report in reports} == {"notice.dead"}
    assert len(reports) == 2
    assert "example" not in repr([report.facts for report in reports])


def test_an_address_that_there_is_not_is_given_up_at_once(world: World):
    order_id = world.order()
    nowhere = world.order(Contact(name="A", notify="SMS", phone="090"))
    silent = world.order(Contact(name="A", notify="EMAIL"))
    world.box.mode = "unknown"
    for each in (order_id, nowhere, silent):
        world.happens(each, "OrderPlaced")
    world.works(minutes=2)

    assert world.notice(order_id, "placed").problem == "the mail server says 550"
    assert world.notice(nowhere, "placed").problem == "no service is configured for SMS"
    assert world.notice(silent, "placed").problem == "no address for EMAIL"
    for each in (order_id, nowhere, silent):
        assert world.notice(each, "placed").state == "DEAD"


def test_one_that_cannot_be_worded_does_not_keep_its_neighbours(world: World):
    good = world.order()
    poison = world.order()
    world.happens(poison, "CollectReady", keep_until="tomorrow")
    world.happens(good, "OrderPlaced")
    world.works(minutes=2)

    assert world.notice(good, "placed").state == "SENT"
    assert world.notice(poison, "collect_ready").problem == "cannot be worded: ValueError"


def test_transfers_and_orders_of_nobody_are_told_to_nobody(world: World):
    transfer = world.order(kind="TRANSFER", fulfilment="TRANSFER", to_site_id=site_id("S-GNZ"))
    nobody = world.order(contact_id=None)
    for each in (transfer, nobody):
        world.happens(each, "OrderPlaced")
    world.happens(an_id(), "OrderPlaced")
    world.works(minutes=2)

    assert world.database.run(lambda s: s.scalar(select(func.count()).select_from(Notice))) == 0
    assert world.database.run(lambda s: gather(s, zone="Asia/Tokyo")) == 0


def test_the_job_is_there_only_for_who_can_tell(world: World):
    assert notice_jobs(world.database, world, None, world.keys, BRAND) == []
    assert isinstance(world.post, Post)
    with smtplib.SMTP("127.0.0.1", world.box.smtp_port) as server:
        assert server.noop()[0] == 250
