"""What comes in and goes out of returns."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, Field, StrictBool, StrictInt

from wms.api.shapes import AnyText, LineIn, LineNo, Shape, Text
from wms.orders.place import PlaceLine
from wms.returns.accept import AnnouncedLine, AnnounceReturn, Way
from wms.returns.counter import CounterReturn, SeenLine
from wms.returns.exchange import WantedExchange
from wms.returns.rules import Disposition, DispositionRule, Grade, Policy, Reason, Services

Count = Annotated[StrictInt, Field(ge=1, le=2**31 - 1)]
Amount = Annotated[StrictInt, Field(ge=0, le=2**53)]
Days = Annotated[StrictInt, Field(ge=0, le=3650)]
Percent = Annotated[StrictInt, Field(ge=0, le=100)]


class ReturnLineIn(LineIn):
    """A line of a return: `line_no` is the order's, where one is named; and why it comes back."""

    reason: Reason = "OTHER"


class ExchangeLineIn(Shape):
    """What the customer wants instead, at the price that counts for it."""

    line_no: LineNo
    sku: Text
    units: Count
    price_minor: Amount


class ExchangeIn(Shape):
    """The order that replaces what comes back; the shop makes its id.

    It goes where the old one went, or (`to_site`) is collected there.
    """

    order_id: UUID
    number: Text
    to_site: Text | None = None
    lines: Annotated[list[ExchangeLineIn], Field(min_length=1, max_length=100)]

    def wanted(self) -> WantedExchange:
        """As the use case takes it."""
        lines = tuple(PlaceLine(**line.model_dump()) for line in self.lines)
        return WantedExchange(
            id=self.order_id, number=self.number, lines=lines, to_site=self.to_site
        )


class ReturnIn(Shape):
    """A return. With an order it is checked against what that order's customer has had.

    `way`: BENCH comes as it comes, PARCEL gets a label of ours, COUNTER is brought to a store.
    """

    number: Text = Field(examples=["R-20261127-1"])
    order_id: UUID | None = None
    lines: list[ReturnLineIn]
    way: Way = "BENCH"
    site: Text | None = None
    exchange: ExchangeIn | None = None

    def request(
        self, return_id: UUID, origin: Literal["CHANNEL", "CUSTOMER"] = "CHANNEL"
    ) -> AnnounceReturn:
        """As the use case takes it."""
        return AnnounceReturn(
            id=return_id,
            number=self.number,
            order_id=self.order_id,
            lines=tuple(AnnouncedLine(**line.model_dump()) for line in self.lines),
            way=self.way,
            origin=origin,
            site=self.site,
            exchange=None if self.exchange is None else self.exchange.wanted(),
        )


class SeenLineIn(Shape):
    """Units of an order line on the counter, and how they look."""

    line_no: LineNo
    units: Count
    grade: Grade
    reason: Reason = "OTHER"
    photo: AnyText = ""
    lot: AnyText = ""
    serials: Annotated[list[Text], Field(max_length=1000)] = Field(default=[])


class CounterReturnIn(Shape):
    """What somebody brings to a store. `order` is its number, its id, or the customer's token."""

    return_id: UUID
    order: Text = Field(examples=["N-10042"])
    lines: Annotated[list[SeenLineIn], Field(min_length=1, max_length=200)]
    exchange: ExchangeIn | None = None

    def request(self, site: str) -> CounterReturn:
        """As the use case takes it."""
        lines = tuple(
            SeenLine(**(line.model_dump() | {"serials": tuple(line.serials)}))
            for line in self.lines
        )
        return CounterReturn(
            id=self.return_id, site=site, order=self.order, lines=lines,
            exchange=None if self.exchange is None else self.exchange.wanted(),
        )  # fmt: skip


class ReturnLineOut(BaseModel):
    """A line of a return as it stands; `status` is what it was called before there were states."""

    line_no: int
    sku: str
    units: int
    units_received: int
    units_short: int = 0
    status: str
    site: str | None = None
    reason: str
    grade: str | None
    photo: str
    disposition: str | None
    refund_minor: int


class ReturnOut(BaseModel):
    """A return as it stands. `refund_minor` goes back for it; `label` is where its label is."""

    id: UUID
    number: str
    order_id: UUID | None
    status: str
    state: str
    way: str
    site: str | None
    tracking: str | None
    label: str | None
    expires_at: datetime | None
    received_at: datetime | None
    refund_minor: int
    currency: str
    exchange_id: UUID | None
    lines: list[ReturnLineOut]


class ReturnableLineOut(BaseModel):
    """How many units of an order line may still come back."""

    line_no: int
    sku: str
    units_left: int
    price_minor: int


class OrderReturnsOut(BaseModel):
    """The returns of an order, and what may still come back, until when."""

    until: datetime | None
    lines: list[ReturnableLineOut]
    returns: list[ReturnOut]


class DispositionRuleIn(Shape):
    """A line of the table; what is empty fits anything. `skus`: codes that begin so."""

    name: Text
    disposition: Disposition
    owner: AnyText = ""
    skus: AnyText = ""
    grades: Annotated[list[Grade], Field(max_length=4)] = Field(default=[])
    reasons: Annotated[list[Reason], Field(max_length=20)] = Field(default=[])
    site_kinds: Annotated[
        list[Literal["DC", "FC", "STORE", "LOCKER", "CARRIER"]], Field(max_length=5)
    ] = Field(default=[])
    cool: StrictBool | None = None

    def rule(self) -> DispositionRule:
        """As the rules take it."""
        facts = self.model_dump()
        for name in ("grades", "reasons", "site_kinds"):
            facts[name] = tuple(facts[name])
        return DispositionRule(**facts)


class ReturnPolicyIn(Shape):
    """The policy of returns, whole."""

    window_days: Days = 30
    arrive_days: Days = 30
    services: Services = "OUR_FAULT"
    deductions: dict[Grade, Percent] = Field(default={})
    exchange_limit_minor: Amount = 100_000
    exchange_open_max: Annotated[StrictInt, Field(ge=0, le=1000)] = 3
    exchange_days: Days = 14
    dispositions: Annotated[list[DispositionRuleIn], Field(max_length=200)]

    def policy(self) -> Policy:
        """As the rules take it."""
        facts = self.model_dump(exclude={"dispositions"})
        return Policy(**facts, dispositions=tuple(each.rule() for each in self.dispositions))


class DispositionTestIn(Shape):
    """Made-up goods for the test box; `rules` are tried instead of those that hold."""

    owner: Text = "HOUSE"
    sku: Text = Field(examples=["BAG-01"])
    grade: Grade
    reason: Reason = "OTHER"
    site_kind: Literal["DC", "FC", "STORE"] = "DC"
    cool: StrictBool = False
    rules: Annotated[list[DispositionRuleIn], Field(max_length=200)] | None = None


class VerdictOut(BaseModel):
    """How a rule answered: it fits, or the first thing that does not."""

    rule: str
    fits: bool
    why_not: str


class DispositionTestOut(BaseModel):
    """What would become of such goods, and why."""

    disposition: str
    verdicts: list[VerdictOut]


class PaidIn(Shape):
    """One of the means that an order was paid with: what it has brought in all."""

    kind: Literal["CARD", "KONBINI", "BANK", "WALLET", "POINTS", "GIFT_CARD", "COD"]
    payment: Text = Field(examples=["pi_3OqYv2"])
    captured_minor: Amount
    expected_minor: Amount | None = None
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$", strict=True)] = "JPY"


class TenderOut(BaseModel):
    """A tender as it stands."""

    id: UUID
    kind: str
    payment: str
    expected_minor: int
    captured_minor: int
    refunded_minor: int
    currency: str


class RefundOut(BaseModel):
    """A refund as it stands; `problem` is what the provider said when it refused."""

    id: UUID
    tender_id: UUID
    amount_minor: int
    reason: str
    cause_id: UUID
    state: str
    attempts: int
    due_at: datetime
    reference: str | None
    problem: str | None
    wanted_at: datetime
    ended_at: datetime | None


class RefundsOut(BaseModel):
    """What an order was paid with, and what of that went back."""

    tenders: list[TenderOut]
    refunds: list[RefundOut]
