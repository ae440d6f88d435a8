"""What billing takes and answers."""

from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from wms.api.shapes import AnyText, Shape, Text
from wms.billing.model import Invoice
from wms.billing.read import Link
from wms.billing.rules import FirstDay, Kind, Per, Rounding, Tariff, TariffLine

Month = Annotated[str, StringConstraints(strict=True, pattern=r"^20[0-9]{2}-(0[1-9]|1[0-2])$")]
Code = Annotated[str, StringConstraints(strict=True, pattern=r"^[A-Z0-9_-]{1,30}$")]
Rate = Annotated[str, StringConstraints(strict=True, pattern=r"^[0-9]{1,9}(\.[0-9]{1,6})?$")]


class IssuerShape(Shape):
    """Who bills."""

    name: Text
    registration: Annotated[Text, Field(examples=["T1234567890123"])]
    address: AnyText = ""


class TariffLineShape(Shape):
    """One thing that costs something; `rate` is a decimal of a minor unit."""

    code: Code
    kind: Kind
    per: Per
    rate: Rate
    tax_percent: Literal[0, 8, 10] = 10
    first_day: FirstDay = "COUNTED"
    gift: AnyText = ""
    rounding: Rounding = "HALF_UP"


class TariffIn(Shape):
    """What an owner pays from a day on."""

    valid_from: date
    lines: Annotated[list[TariffLineShape], Field(min_length=1, max_length=200)]

    def tariff(self, version: int) -> Tariff:
        """As billing takes it."""
        lines = tuple(TariffLine(**line.model_dump()) for line in self.lines)
        return Tariff(version=version, valid_from=self.valid_from, lines=lines)


class TariffOut(BaseModel):
    """A version of what an owner pays."""

    owner: str
    version: int
    valid_from: date
    lines: list[TariffLineShape]

    @classmethod
    def of(cls, owner: str, tariff: Tariff) -> "TariffOut":
        """As it is said."""
        names = TariffLineShape.model_fields
        return cls(
            owner=owner,
            version=tariff.version,
            valid_from=tariff.valid_from,
            lines=[
                TariffLineShape(**{name: getattr(line, name) for name in names})
                for line in tariff.lines
            ],
        )


class InvoicesQuery(Shape):
    """Which invoices."""

    owner: Text | None = None
    month: Month | None = None
    state: Literal["DRAFT", "FINAL"] | None = None
    kind: Literal["INVOICE", "CORRECTION"] | None = None
    after: Text | None = None
    limit: Annotated[int, Field(ge=1, le=1000)] = 100


class DraftIn(Shape):
    """Which month of whom."""

    owner: Text
    month: Month


class RerateIn(DraftIn):
    """Which month of whom, once."""

    command_id: UUID


class FinalIn(Shape):
    """The day of issue."""

    command_id: UUID
    issued_on: date


class TaxOut(BaseModel):
    """Net and tax of one rate."""

    percent: int
    net_minor: int
    tax_minor: int


class InvoiceOut(BaseModel):
    """An invoice; `parties` as they were when it became final."""

    id: UUID
    owner: str
    month: str
    kind: str
    state: str
    number: str
    corrects: str
    currency: str
    issued_on: date | None
    parties: dict[str, dict[str, str]]
    taxes: list[TaxOut]
    net_minor: int
    tax_minor: int
    total_minor: int
    made_at: datetime
    final_at: datetime | None

    @classmethod
    def of(cls, invoice: Invoice, owner: str) -> "InvoiceOut":
        """As it stands."""
        return cls(
            id=invoice.id,
            owner=owner,
            month=f"{invoice.month:%Y-%m}",
            kind=invoice.kind,
            state=invoice.state,
            number=invoice.number,
            corrects=invoice.corrects,
            currency=invoice.currency,
            issued_on=invoice.issued_on,
            parties=invoice.parties,
            taxes=[TaxOut(**tax) for tax in invoice.taxes],
            net_minor=invoice.net_minor,
            tax_minor=invoice.tax_minor,
            total_minor=invoice.net_minor + invoice.tax_minor,
            made_at=invoice.made_at,
            final_at=invoice.final_at,
        )


class InvoicesOut(BaseModel):
    """A page of invoices."""

    invoices: list[InvoiceOut]
    next: str | None


class InvoiceLineOut(BaseModel):
    """One kind of charge at one site (none: a minimum fee)."""

    model_config = ConfigDict(from_attributes=True)

    no: int
    site: str
    code: str
    kind: str
    per: str
    version: int
    quantity: int
    rate: str
    tax_percent: int
    amount_minor: int


class MovementOut(BaseModel):
    """A movement of the ledger."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    site: str
    occurred_at: datetime
    sku: str
    lot: str
    serial: str
    units: int
    from_place: str
    to_place: str
    cause_kind: str
    cause_id: UUID
    reason: str


class LinkOut(BaseModel):
    """What of a line is for one movement; without one, for what lay there before."""

    no: int
    quantity: int
    charge_minor: int
    movement: MovementOut | None

    @classmethod
    def of(cls, link: Link) -> "LinkOut":
        """As it is said."""
        seen = link.movement
        return cls(
            no=link.no,
            quantity=link.quantity,
            charge_minor=link.charge_minor,
            movement=None if seen is None else MovementOut.model_validate(seen),
        )


class LinksOut(BaseModel):
    """A page of links; `next` is the number to go on behind."""

    links: list[LinkOut]
    next: int | None


class RerateOut(BaseModel):
    """The correction, or nothing."""

    invoice: InvoiceOut | None
