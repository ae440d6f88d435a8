"""What a day is played with: the SKUs, the opening stock, and the calls of the order system."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from simulators.assortment import Sku, on_the_shelves, own_assortment
from simulators.day import TOKYO, Call, assortment_of_invoices, calls_of, own_day
from simulators.order_file import read_invoices

BEFORE_THE_FIRST_ORDER = timedelta(minutes=2)


@dataclass(frozen=True, slots=True)
class Scenario:
    """One day."""

    name: str
    skus: Sequence[Sku]
    calls: Sequence[Call]

    @property
    def begins_at(self) -> datetime:
        """When the day's clock starts."""
        return self.calls[0].at - BEFORE_THE_FIRST_ORDER

    @property
    def ends_at(self) -> datetime:
        """When the last order comes."""
        return self.calls[-1].at

    @property
    def lines(self) -> int:
        """Order and return lines of the day, services included."""
        return sum(call.lines for call in self.calls)

    @property
    def collected(self) -> dict[str, str]:
        """The store of each order that is collected, by the order's number."""
        bodies = [call.body for call in self.calls if call.body and "to_site" in call.body]
        return {body["number"]: body["to_site"] for body in bodies}

    @property
    def documents(self) -> int:
        """Orders and returns of the day."""
        return sum(call.method == "PUT" for call in self.calls)


def read_scenario(orders: Path | None, *, count: int, seed: int) -> Scenario:
    """The day of an order file, or our own with `count` orders.

    Raises:
        FaultyOrderFile: the file has faults.
        OSError: it cannot be read.
    """
    if orders is None:
        skus = own_assortment()
        stores = on_the_shelves(skus, seed=seed)
        calls = own_day(skus, orders=count, seed=seed, stores=stores)
        return Scenario(f"own-{seed}", skus, calls)
    invoices = read_invoices(orders.read_bytes(), zone=TOKYO)
    return Scenario(orders.stem, assortment_of_invoices(invoices), calls_of(invoices, seed=seed))
