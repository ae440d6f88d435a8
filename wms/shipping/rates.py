"""Rates: what a parcel costs, how long it is under way, what CO2 it makes.

    card = default_card()
    card.services(weight_g=900)                               what takes it
    card.cost_minor("YAMATO", "東京都", "大阪府", 900)          yen; None: not taken
    card.matrix(["東京都", "大阪府"], everywhere)              the cheapest, all pairs at once

A price is that of the size class (宅急便サイズ: the sum of three sides in centimetres, or the
class that the weight makes, whichever is more) and a step for each band of distance between
tariff zones. CO2 is an estimate: weight times way, by road, and by sea to Okinawa.

Money is minor units with taxes, weights grams, sizes millimetres, ways kilometres.

Source: rates.toml, which says where its figures are from.
"""

import tomllib
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from wms.shipping.prefectures import PREFECTURES, ZONES, Prefecture, distance_km, prefecture

UNSERVED = 1_000_000_000  # of a matrix: no service takes it
WEIGHTS_G = (2_000, 5_000, 10_000, 15_000, 20_000, 25_000, 30_000)  # classes of a matrix
OKINAWA = ZONES.index("沖縄")
CM = 10  # mm

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class SizeClass:
    """Parcels up to this size and weight, and what they cost in the nearest band."""

    size_cm: int
    weight_max_g: int
    price_minor: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """One way in which a carrier takes a parcel.

    `slots` are hours of the day as "14-16"; `cod_fees` are (up to this amount, fee).
    """

    code: str
    carrier: str
    name_ja: str
    name_en: str
    sizes: tuple[SizeClass, ...]
    step_minor: int
    weight_max_g: int
    lead_days: tuple[int, ...]
    slots: tuple[str, ...] = ()
    cool: bool = False
    leave_at: bool = False
    dangerous: bool = True
    cod_max_minor: int = 0
    cod_fees: tuple[tuple[int, int], ...] = ()

    def size_class(self, weight_g: int, size_mm: int = 0) -> SizeClass | None:
        """The class of a parcel; None if the carrier does not take it."""
        if weight_g > self.weight_max_g:
            return None
        fits = (c for c in self.sizes if weight_g <= c.weight_max_g and size_mm <= c.size_cm * CM)
        return next(fits, None)

    def cod_fee_minor(self, cod_minor: int) -> int:
        """What collecting that amount at the door costs."""
        if cod_minor <= 0:
            return 0
        return next((fee for upto, fee in self.cod_fees if cod_minor <= upto), 0)

    def slot_refused(self, slot: str) -> bool:
        """Whether the carrier does not know those hours."""
        return bool(slot) and slot not in self.slots


@dataclass(frozen=True, slots=True, kw_only=True)
class Matrix:
    """The cheapest suitable service for every weight class and pair of prefectures.

    Arrays are [weight class, from, to]. `service` is a number in `codes`, -1 if there is none;
    there `cost_minor` is UNSERVED.
    """

    weights_g: tuple[int, ...]
    codes: tuple[str, ...]
    cost_minor: Ints
    lead_days: Ints
    co2_g: Ints
    service: Ints

    def class_of(self, weight_g: int) -> int:
        """The weight class of a parcel; the last for what is heavier than all."""
        return min(bisect_left(self.weights_g, weight_g), len(self.weights_g) - 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class RateCard:
    """All services of all carriers. `bands` is square, in the order of ZONES."""

    all_services: Mapping[str, Service]
    bands: tuple[tuple[int, ...], ...]
    road_g_per_kg_km: float = 0.208
    sea_g_per_kg_km: float = 0.043
    detour: float = 1.3

    def services(
        self,
        weight_g: int,
        *,
        cool: bool = False,
        cod_minor: int = 0,
        size_mm: int = 0,
        dangerous: bool = False,
    ) -> list[Service]:
        """The services that take such a parcel, in the order of the card."""
        return [
            each
            for each in self.all_services.values()
            if refusal(each, weight_g, cool=cool, cod_minor=cod_minor, size_mm=size_mm,
                       dangerous=dangerous) is None
        ]  # fmt: skip

    def cost_minor(
        self, service: str, sender: str, recipient: str, weight_g: int, *, size_mm: int = 0
    ) -> int | None:
        """What a parcel costs; None if the service does not take it, or not there."""
        one = self.all_services[service]
        band, size = self._band(sender, recipient), one.size_class(weight_g, size_mm)
        if band is None or size is None:
            return None
        return size.price_minor + band * one.step_minor

    def lead_days(self, service: str, sender: str, recipient: str) -> int:
        """Days from the day it ships to the day it arrives; the longest if a place is unknown."""
        days = self.all_services[service].lead_days
        band = self._band(sender, recipient)
        return days[-1] if band is None else days[min(band, len(days) - 1)]

    def co2_g(self, sender: str, recipient: str, weight_g: int) -> int:
        """What carrying a parcel emits; 0 if a place is unknown."""
        one, other = prefecture(sender), prefecture(recipient)
        if one is None or other is None:
            return 0
        return round(weight_g / 1000 * self._co2_g_per_kg(one, other))

    def matrix(
        self,
        senders: Sequence[str],
        recipients: Sequence[str],
        *,
        cool: bool = False,
        codes: Sequence[str] | None = None,
        weights_g: Sequence[int] = WEIGHTS_G,
    ) -> Matrix:
        """The cheapest suitable service by weight class, for all pairs at once.

        Args:
            senders: prefectures of the sites.
            recipients: prefectures of the customers.
            cool: only services that cool; else only those that do not.
            codes: only these services.
            weights_g: the upper bounds of the weight classes, ascending.
        """
        names = tuple(codes) if codes is not None else tuple(self.all_services)
        names = tuple(name for name in names if self.all_services[name].cool == cool)
        froms, tos = self._zones(senders), self._zones(recipients)
        bands = np.asarray(self.bands, np.int64)[np.ix_(np.maximum(froms, 0), np.maximum(tos, 0))]
        known = (froms >= 0)[:, None] & (tos >= 0)[None, :]
        shape = (len(weights_g), len(senders), len(recipients))
        cost, lead = np.full(shape, UNSERVED, np.int64), np.zeros(shape, np.int64)
        chosen = np.full(shape, -1, np.int64)
        for number, name in enumerate(names):
            one = self.all_services[name]
            days = np.asarray(one.lead_days, np.int64)
            lead_of_one = days[np.minimum(bands, len(days) - 1)]
            for at, weight_g in enumerate(weights_g):
                if (size := one.size_class(weight_g)) is None:
                    continue
                price = np.where(known, size.price_minor + bands * one.step_minor, UNSERVED)
                better = price < cost[at]
                cost[at][better], lead[at][better] = price[better], lead_of_one[better]
                chosen[at][better] = number
        co2 = np.round(np.asarray(weights_g)[:, None, None] / 1000 * self._co2(senders, recipients))
        return Matrix(
            weights_g=tuple(weights_g),
            codes=names,
            cost_minor=cost,
            lead_days=lead,
            co2_g=co2.astype(np.int64),
            service=chosen,
        )

    def _band(self, sender: str, recipient: str) -> int | None:
        one, other = prefecture(sender), prefecture(recipient)
        if one is None or other is None:
            return None
        return self.bands[one.zone][other.zone]

    def _co2_g_per_kg(self, one: Prefecture, other: Prefecture) -> float:
        over_sea = OKINAWA in {one.zone, other.zone} and one.zone != other.zone
        grams = self.sea_g_per_kg_km if over_sea else self.road_g_per_kg_km
        return grams * self.detour * distance_km(one, other)

    def _co2(self, senders: Sequence[str], recipients: Sequence[str]) -> npt.NDArray[np.float64]:
        places = {name: prefecture(name) for name in {*senders, *recipients}}
        grams: dict[tuple[str, str], float] = {}
        for sender in set(senders):
            for recipient in set(recipients):
                one, other = places[sender], places[recipient]
                known = one is not None and other is not None
                grams[sender, recipient] = self._co2_g_per_kg(one, other) if known else 0.0  # type: ignore[arg-type]
        return np.asarray([[grams[s, r] for r in recipients] for s in senders]).reshape(
            len(senders), len(recipients)
        )

    @staticmethod
    def _zones(names: Sequence[str]) -> Ints:
        places = [prefecture(name) for name in names]
        return np.asarray([-1 if each is None else each.zone for each in places], np.int64)


def refusal(
    service: Service,
    weight_g: int,
    *,
    cool: bool = False,
    cod_minor: int = 0,
    size_mm: int = 0,
    dangerous: bool = False,
) -> str | None:
    """Why a service does not take a parcel, as a code; None if it does."""
    if service.cool != cool:
        return "not_cooled" if cool else "only_cooled"
    if weight_g > service.weight_max_g:
        return "too_heavy"
    if service.size_class(weight_g, size_mm) is None:
        return "too_large"
    if cod_minor > service.cod_max_minor:
        return "cod_too_much"
    if dangerous and not service.dangerous:
        return "dangerous_goods"
    return None


def read_card(data: Mapping[str, Any]) -> RateCard:
    """A card from the data of a file such as rates.toml."""
    services = {}
    for raw in data["services"]:
        facts = dict(raw)
        sizes = tuple(
            SizeClass(size_cm=size, weight_max_g=weight, price_minor=price)
            for size, weight, price in facts.pop("sizes")
        )
        facts["lead_days"], facts["slots"] = tuple(facts["lead_days"]), tuple(facts["slots"])
        facts["cod_fees"] = tuple((upto, fee) for upto, fee in facts["cod_fees"])
        services[facts["code"]] = Service(sizes=sizes, **facts)
    half = data["bands"]
    bands = tuple(
        tuple(half[max(one, other)][min(one, other)] for other in range(len(ZONES)))
        for one in range(len(ZONES))
    )
    return RateCard(all_services=services, bands=bands, **data["co2"])


@cache
def default_card() -> RateCard:
    """The card that comes with the program."""
    return read_card(tomllib.loads(Path(__file__).with_name("rates.toml").read_text("utf-8")))


def all_prefectures() -> list[str]:
    """The names of all prefectures, from north to south as the statistics list them."""
    return [each.name for each in PREFECTURES]
