"""What a network would cost if it were otherwise: snapshots, patches, and a day played on both.

    Snapshot    the network as numbers at a moment, frozen and hashed: nodes, carriers, goods,
                stock, rules, and orders of past days that stand for those to come
    Patch       one difference: a node more or less, other cut-offs, rates, demand, stock, ...
    Played      what a day came to: figures by name, flows, and the decision on each order

    patched(snapshot, patches) -> Snapshot         raises PatchError where a patch cannot apply
    run(snapshot, patches, seed) -> Played         (optimizer.scenarios_play) pure
    sweep(snapshot, cases, ...) -> outcomes        (optimizer.scenarios_run) many, in processes

Laws: a patch that cannot apply is an error, never nothing. A snapshot is never changed: patches
make another one. The same snapshot, patches and seed give the same `Played`, byte by byte, in
whatever process. What is drawn by chance for the n-th order depends on the seed and n alone, so
that two scenarios with one seed differ by their patches and not by luck (common random numbers).

Units: minor units of money, grams, kilometres, minutes from midnight at the node, whole units.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Protocol, TypeVar

T = TypeVar("T")
SPLITS = ("ANY", "WHOLE_LINES", "ONE_SITE")


class PatchError(ValueError):
    """A patch that cannot apply to this snapshot; the words say why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A site that sends parcels.

    Attributes:
        kind: DC, FC or STORE.
        cut_off_minute: what is ordered later leaves a day later.
        handling_minor: a unit, but for the work of picking.
        packing_minor: a parcel.
        units_per_day: what it can send; None: no limit but its people and robots.
        pickers: people who pick, a shift each.
        picker_minor: what one costs an hour.
        robots: that bring goods to people.
    """

    code: str
    kind: str
    latitude: float
    longitude: float
    cut_off_minute: int = 960
    handling_minor: int = 20
    packing_minor: int = 60
    units_per_day: int | None = None
    pickers: int = 4
    picker_minor: int = 1800
    robots: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Carrier:
    """What a parcel costs and how long it takes. Serves every pair of a node and a region."""

    code: str
    parcel_minor: int
    kg_minor: int
    hundred_km_minor: int
    km_per_day: int
    co2_g_per_km: float = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Region:
    """Where customers are."""

    code: str
    latitude: float
    longitude: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """An order of the past: where it went, when it was placed, what it wanted."""

    region: str
    minute: int
    lines: tuple[tuple[str, int], ...]  # SKU, units


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What the network promises, and what it avoids."""

    split: str = "ANY"
    split_minor: int = 100  # a parcel of an order beyond its first
    promise_days: int = 2
    late_minor: int = 300  # a day that a parcel comes too late
    backorder_minor: int = 2000  # a unit that is not sent
    co2_minor_per_kg: int = 10
    batch_minutes: int = 120  # orders of so long are decided together


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """The network at a moment.

    Attributes:
        goods: grams a unit, by SKU.
        stock: units by node, by SKU.
        orders: of past days; each stands for the same number of those to come.
        orders_per_day: how many come.
        demand: factors by region; 1 where there is none.
    """

    nodes: tuple[Node, ...]
    carriers: tuple[Carrier, ...]
    regions: tuple[Region, ...]
    goods: Mapping[str, int]
    stock: Mapping[str, Mapping[str, int]]
    orders: tuple[Order, ...]
    orders_per_day: int
    rules: Rules = Rules()
    demand: Mapping[str, float] | None = None

    def __post_init__(self) -> None:
        if faults := _faults(self):
            raise ValueError("; ".join(faults))

    @property
    def id(self) -> str:
        """The hash of all that it says: equal for equal networks, in any process."""
        text = json.dumps(asdict(self), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()


def snapshot_to(snapshot: Snapshot) -> dict[str, Any]:
    """As plain JSON values."""
    return asdict(snapshot)


def snapshot_from(file: Mapping[str, Any]) -> Snapshot:
    """From plain JSON values. Raises ValueError: what is wrong, and where."""
    try:
        return Snapshot(
            nodes=tuple(_made(Node, each) for each in file["nodes"]),
            carriers=tuple(_made(Carrier, each) for each in file["carriers"]),
            regions=tuple(_made(Region, each) for each in file["regions"]),
            goods={str(sku): int(grams) for sku, grams in file["goods"].items()},
            stock={
                str(node): {str(sku): int(units) for sku, units in there.items()}
                for node, there in file["stock"].items()
            },
            orders=tuple(
                Order(
                    region=each["region"],
                    minute=int(each["minute"]),
                    lines=tuple((str(sku), int(units)) for sku, units in each["lines"]),
                )
                for each in file["orders"]
            ),
            orders_per_day=int(file["orders_per_day"]),
            rules=_made(Rules, file.get("rules") or {}),
            demand=file.get("demand"),
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"a snapshot lacks or misspells something: {error!r}") from error


def _made(what: type[T], values: Mapping[str, Any]) -> T:
    if unknown := set(values) - {field.name for field in fields(what)}:  # type: ignore[arg-type]
        raise ValueError(f"a {what.__name__} has no {', '.join(sorted(unknown))}")
    return what(**values)


def _faults(of: Snapshot) -> list[str]:
    """What is wrong with a snapshot."""
    faults = []
    for name, codes in (
        ("node", [node.code for node in of.nodes]),
        ("carrier", [carrier.code for carrier in of.carriers]),
        ("region", [region.code for region in of.regions]),
    ):
        if not codes:
            faults.append(f"there is no {name}")
        if twice := sorted({code for code in codes if codes.count(code) > 1}):
            faults.append(f"{name} {', '.join(twice)} is there twice")
    nodes, regions = {node.code for node in of.nodes}, {region.code for region in of.regions}
    faults += [f"stock lies at {node}, which is no node" for node in sorted(set(of.stock) - nodes)]
    faults += [f"{r} has no region" for r in sorted({o.region for o in of.orders} - regions)]
    wanted = {sku for order in of.orders for sku, _ in order.lines}
    faults += [f"SKU {sku} has no weight" for sku in sorted(wanted - set(of.goods))[:5]]
    if any(units < 0 for there in of.stock.values() for units in there.values()):
        faults.append("stock is at least 0")
    if any(units < 1 for order in of.orders for _, units in order.lines):
        faults.append("a line wants at least one unit")
    if of.orders_per_day < 0 or (of.orders_per_day and not of.orders):
        faults.append("orders_per_day is at least 0, and needs orders to draw from")
    if of.rules.split not in SPLITS:
        faults.append(f"split is {of.rules.split!r}, not one of {', '.join(SPLITS)}")
    return faults


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """Parcels from a node to a region by a carrier."""

    region: str
    node: str
    carrier: str
    parcels: int
    cost_minor: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What was done for an order. `order` is the same in every scenario with the same seed."""

    order: str
    region: str
    nodes: tuple[str, ...]
    carriers: tuple[str, ...]
    cost_minor: int
    late_days: int
    short_units: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Played:
    """What a day came to.

    Attributes:
        kpis: figures by name, see `KPIS` in optimizer.scenarios_play.
        terms: the cost by name, in minor units; the values add up to kpis["cost_minor"].
        loads: share of its people that each node needs; above 1 it works overtime.
    """

    snapshot: str
    seed: int
    kpis: Mapping[str, float]
    terms: Mapping[str, float]
    loads: Mapping[str, float]
    flows: tuple[Flow, ...]
    decisions: tuple[Decision, ...]


def played_to(played: Played) -> dict[str, Any]:
    """As plain JSON values."""
    return asdict(played)


def played_from(file: Mapping[str, Any]) -> Played:
    """From what `played_to` gave, also after a journey through JSON."""
    plain = {key: file[key] for key in ("snapshot", "seed", "kpis", "terms", "loads")}
    return Played(
        **plain,
        flows=tuple(Flow(**each) for each in file["flows"]),
        decisions=tuple(
            Decision(**{**each, "nodes": tuple(each["nodes"]), "carriers": tuple(each["carriers"])})
            for each in file["decisions"]
        ),
    )


class Patch(Protocol):
    """One difference: a frozen dataclass of optimizer.scenario_patches."""

    def on(self, snapshot: Snapshot) -> Snapshot:
        """The snapshot with this difference. Raises PatchError where it cannot apply."""
        ...


def patched(snapshot: Snapshot, patches: Sequence[Patch]) -> Snapshot:
    """The snapshot with these differences, one after the other.

    Raises:
        PatchError: one of them cannot apply.
    """
    for patch in patches:
        try:
            snapshot = patch.on(snapshot)
        except PatchError:
            raise
        except ValueError as error:  # what came of it is no snapshot
            raise PatchError(f"{patch}: {error}") from error
    return snapshot


def with_nodes(snapshot: Snapshot, nodes: Sequence[Node]) -> Snapshot:
    """The same with these nodes; the stock of those that are gone is gone."""
    codes = {node.code for node in nodes}
    stock = {code: there for code, there in snapshot.stock.items() if code in codes}
    return replace(snapshot, nodes=tuple(nodes), stock=stock)
