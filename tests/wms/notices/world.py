"""A database, a mailbox and a moment: what the tests of notices let happen."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import select

from simulators.mailbox import Mailbox
from tests.builders import NOW, an_id
from wms import outbox
from wms.contacts import Contact, save_contact
from wms.contacts.keys import Keys
from wms.database import Database
from wms.ids import derive
from wms.notices.brand import Brand
from wms.notices.jobs import notice_jobs
from wms.notices.model import Notice
from wms.orders.model import Order
from wms.partners.gateway import ByChannel
from wms.partners.mail import Mailer
from wms.sites import Site, site_id

TARO = Contact(name="山田 太郎", email="taro@example.jp", phone="090-1111-2222")
NOON = NOW.replace(hour=3, minute=0, second=0, microsecond=0)  # 12:00 in Tokyo
BRAND = Brand(name="倉庫屋", public_url="https://shop.example")


class World:
    """A database, a mailbox, a moment, and the job that tells."""

    def __init__(self, database: Database, keys: Keys, box: Mailbox) -> None:
        self.database, self.keys, self.box = database, keys, box
        self.at = NOON
        mailer = Mailer(f"smtp://127.0.0.1:{box.smtp_port}", "倉庫屋 <shop@soko.example>")
        (job,) = notice_jobs(database, self, ByChannel(mailer, None), keys, BRAND)
        self.notify = job.run
        self.post = job.run.__self__  # type: ignore[attr-defined]
        database.run(self._a_site)

    def now(self) -> datetime:
        return self.at

    def real_s(self, virtual_s: float) -> float:
        return virtual_s

    async def sleep(self, virtual_s: float) -> None:
        self.at += timedelta(seconds=virtual_s)

    def _a_site(self, session: Any) -> None:
        session.add(Site(id=site_id("S-GNZ"), code="S-GNZ", kind="STORE", name_en="Ginza",
                         name_ja="銀座店"))  # fmt: skip

    def order(self, contact: Contact = TARO, **more: Any) -> UUID:
        order_id = an_id()
        facts: dict[str, Any] = {
            "number": f"N-{order_id.hex[-5:]}", "channel": "web", "customer": None,
            "prefecture": "東京都", "postal_code": "100-0001", "latitude": 35.0, "longitude": 139.0,
            "placed_at": self.at, "recorded_at": self.at, "body_hash": "", "language": "ja",
            "token": f"token-{order_id.hex}", "contact_id": derive(order_id, "contact"),
        } | more  # fmt: skip

        def place(session: Any) -> None:
            session.add(Order(id=order_id, **facts))
            save_contact(session, self.keys, derive(order_id, "contact"), contact,
                         channel="web", now=self.at)  # fmt: skip

        self.database.run(place)
        return order_id

    def happens(self, order_id: UUID, type_: str, **body: Any) -> None:
        event = outbox.OutboxEvent(
            topic="order", key=str(order_id), type=type_, at=self.at,
            body={"id": str(order_id), "number": "N"} | body,
        )  # fmt: skip
        self.database.run(lambda s: s.add(event))

    def works(self, *, minutes: float = 0) -> None:
        """The worker for a while, looking now and then."""
        until = self.at + timedelta(minutes=minutes)
        step = timedelta(minutes=1 if minutes <= 15 else 15)
        while True:
            while self.notify():
                pass
            if self.at >= until:
                return
            self.at = min(until, self.at + step)

    def notice(self, order_id: UUID, template: str) -> Notice:
        query = select(Notice).where(Notice.order_id == order_id, Notice.template == template)
        return self.database.run(lambda s: s.scalars(query).one())

    @property
    def subjects(self) -> list[str]:
        return [mail.subject for mail in self.box.mails]
