"""The differences that a planner can make, each with its name in files.

{"patch": "close_node", "node": "TYO1", "stock_to": "CHB1"}

patch_from(json) -> Patch, patch_to(patch) -> json, PATCHES: the kinds by name
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from optimizer.scenarios import SPLITS, Carrier, Node, Patch, PatchError, Snapshot, with_nodes


@dataclass(frozen=True, slots=True, kw_only=True)
class AddNode:
    """A node more, which takes over that share of all stock."""

    node: Node
    stock_share: float = 0.0

    def on(self, snapshot: Snapshot) -> Snapshot:
        """With the node, and stock moved to it."""
        if any(node.code == self.node.code for node in snapshot.nodes):
            raise PatchError(f"there is a node {self.node.code} already")
        if not 0 <= self.stock_share <= 1:
            raise PatchError(f"stock_share is {self.stock_share}, not from 0 to 1")
        taken: dict[str, int] = {}
        stock: dict[str, dict[str, int]] = {}
        for code, there in snapshot.stock.items():
            away = {sku: int(units * self.stock_share) for sku, units in there.items()}
            stock[code] = {sku: units - away[sku] for sku, units in there.items()}
            for sku, units in away.items():
                taken[sku] = taken.get(sku, 0) + units
        stock[self.node.code] = {sku: units for sku, units in taken.items() if units}
        return replace(snapshot, nodes=(*snapshot.nodes, self.node), stock=stock)


@dataclass(frozen=True, slots=True, kw_only=True)
class CloseNode:
    """A node less. Its stock goes to another one, or is lost."""

    node: str
    stock_to: str | None = None

    def on(self, snapshot: Snapshot) -> Snapshot:
        """Without the node."""
        _named(snapshot, self.node)
        if len(snapshot.nodes) == 1:
            raise PatchError(f"{self.node} is the last node")
        rest = with_nodes(snapshot, [node for node in snapshot.nodes if node.code != self.node])
        if self.stock_to is None:
            return rest
        _named(rest, self.stock_to)
        to = dict(rest.stock.get(self.stock_to, {}))
        for sku, units in snapshot.stock.get(self.node, {}).items():
            to[sku] = to.get(sku, 0) + units
        return replace(rest, stock={**rest.stock, self.stock_to: to})


@dataclass(frozen=True, slots=True, kw_only=True)
class _AtNodes:
    """A difference at some nodes: one by its code, those of a kind, or all."""

    node: str | None = None
    kind: str | None = None

    def nodes(self, snapshot: Snapshot) -> set[str]:
        """The codes of those nodes."""
        if self.node is not None:
            return {_named(snapshot, self.node).code}
        found = {n.code for n in snapshot.nodes if self.kind in {None, n.kind}}
        if not found:
            raise PatchError(f"there is no node of kind {self.kind}")
        return found

    def changed(self, snapshot: Snapshot, **values: int | None) -> Snapshot:
        """Other values at those nodes."""
        if any(value is not None and value < 0 for value in values.values()):
            raise PatchError(f"values are at least 0: {values}")
        codes = self.nodes(snapshot)
        nodes = [replace(n, **values) if n.code in codes else n for n in snapshot.nodes]  # type: ignore[arg-type]
        return replace(snapshot, nodes=tuple(nodes))


@dataclass(frozen=True, slots=True, kw_only=True)
class CutOff(_AtNodes):
    """Another cut-off."""

    minute: int

    def on(self, snapshot: Snapshot) -> Snapshot:
        """With the cut-off at those nodes."""
        return self.changed(snapshot, cut_off_minute=self.minute)


@dataclass(frozen=True, slots=True, kw_only=True)
class Capacity(_AtNodes):
    """What nodes can send a day; None: no limit but people and robots."""

    units_per_day: int | None

    def on(self, snapshot: Snapshot) -> Snapshot:
        """With that capacity at those nodes."""
        return self.changed(snapshot, units_per_day=self.units_per_day)


@dataclass(frozen=True, slots=True, kw_only=True)
class Robots(_AtNodes):
    """So many robots at each of the nodes."""

    robots: int

    def on(self, snapshot: Snapshot) -> Snapshot:
        """With the robots."""
        return self.changed(snapshot, robots=self.robots)


@dataclass(frozen=True, slots=True, kw_only=True)
class Labour(_AtNodes):
    """So many pickers at each of the nodes, or at another wage; None: as it is."""

    pickers: int | None = None
    picker_minor: int | None = None

    def on(self, snapshot: Snapshot) -> Snapshot:
        """With the people."""
        given = {"pickers": self.pickers, "picker_minor": self.picker_minor}
        values = {name: value for name, value in given.items() if value is not None}
        if not values:
            raise PatchError("labour without pickers or picker_minor changes nothing")
        return self.changed(snapshot, **values)


@dataclass(frozen=True, slots=True, kw_only=True)
class StockPolicy(_AtNodes):
    """So many times the stock at the nodes, rounded up."""

    factor: float

    def on(self, snapshot: Snapshot) -> Snapshot:
        """With the stock."""
        if self.factor < 0:
            raise PatchError(f"factor is {self.factor}, not at least 0")
        codes = self.nodes(snapshot)
        stock = {
            code: {sku: -int(-units * self.factor // 1) for sku, units in there.items()}
            if code in codes
            else there
            for code, there in snapshot.stock.items()
        }
        return replace(snapshot, stock=stock)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """A carrier's prices times a factor."""

    carrier: str
    factor: float

    def on(self, snapshot: Snapshot) -> Snapshot:
        """With the prices."""
        if self.factor < 0 or all(each.code != self.carrier for each in snapshot.carriers):
            raise PatchError(f"no carrier {self.carrier}, or factor {self.factor} below 0")
        return replace(
            snapshot,
            carriers=tuple(
                replace(
                    each,
                    parcel_minor=round(each.parcel_minor * self.factor),
                    kg_minor=round(each.kg_minor * self.factor),
                    hundred_km_minor=round(each.hundred_km_minor * self.factor),
                )
                if each.code == self.carrier
                else each
                for each in snapshot.carriers
            ),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class AddCarrier:
    """A carrier more."""

    carrier: Carrier

    def on(self, snapshot: Snapshot) -> Snapshot:
        """With the carrier."""
        return replace(snapshot, carriers=(*snapshot.carriers, self.carrier))


@dataclass(frozen=True, slots=True, kw_only=True)
class DropCarrier:
    """A carrier less."""

    carrier: str

    def on(self, snapshot: Snapshot) -> Snapshot:
        """Without the carrier."""
        rest = tuple(each for each in snapshot.carriers if each.code != self.carrier)
        if len(rest) == len(snapshot.carriers):
            raise PatchError(f"there is no carrier {self.carrier}")
        return replace(snapshot, carriers=rest)


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """So many times the orders, of a region or of all."""

    factor: float
    region: str | None = None

    def on(self, snapshot: Snapshot) -> Snapshot:
        """With the demand."""
        regions = {region.code for region in snapshot.regions}
        if self.factor < 0 or (self.region is not None and self.region not in regions):
            raise PatchError(f"no region {self.region}, or factor {self.factor} below 0")
        demand = dict(snapshot.demand or {})
        for code in regions if self.region is None else {self.region}:
            demand[code] = demand.get(code, 1.0) * self.factor
        return replace(snapshot, demand=demand)


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitPolicy:
    """How far orders may be parted (None: as it is), and what a parcel more weighs."""

    split: str | None = None
    split_minor: int | None = None

    def on(self, snapshot: Snapshot) -> Snapshot:
        """With the rule."""
        if self.split is None and self.split_minor is None:
            raise PatchError("a split policy without split or split_minor changes nothing")
        if self.split is not None and self.split not in SPLITS:
            raise PatchError(f"split is {self.split!r}, not one of {', '.join(SPLITS)}")
        rules = snapshot.rules
        return replace(
            snapshot,
            rules=replace(
                rules,
                split=self.split or rules.split,
                split_minor=rules.split_minor if self.split_minor is None else self.split_minor,
            ),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Promise:
    """Days within which parcels are promised."""

    days: int

    def on(self, snapshot: Snapshot) -> Snapshot:
        """With the promise."""
        if self.days < 0:
            raise PatchError(f"days is {self.days}, not at least 0")
        return replace(snapshot, rules=replace(snapshot.rules, promise_days=self.days))


PATCHES: dict[str, type[Any]] = {
    "add_carrier": AddCarrier,
    "add_node": AddNode,
    "capacity": Capacity,
    "close_node": CloseNode,
    "cut_off": CutOff,
    "demand": Demand,
    "drop_carrier": DropCarrier,
    "labour": Labour,
    "promise": Promise,
    "rates": Rates,
    "robots": Robots,
    "split_policy": SplitPolicy,
    "stock_policy": StockPolicy,
}
_NAMES = {kind: name for name, kind in PATCHES.items()}


def _named(snapshot: Snapshot, code: str) -> Node:
    for node in snapshot.nodes:
        if node.code == code:
            return node
    raise PatchError(f"there is no node {code}")


def patch_to(patch: Any) -> dict[str, Any]:
    """As plain JSON values."""
    return {"patch": _NAMES[type(patch)], **asdict(patch)}


def patch_from(file: Mapping[str, Any]) -> Patch:
    """From plain JSON values.

    Raises:
        PatchError: no kind of patch, or values that it does not have or lacks.
    """
    values = dict(file)
    name = values.pop("patch", None)
    if name not in PATCHES:
        raise PatchError(f"patch is {name!r}, not one of {', '.join(PATCHES)}")
    kind = PATCHES[name]
    known = {field.name for field in fields(kind)}
    if unknown := set(values) - known:
        raise PatchError(f"a patch {name} has no {', '.join(sorted(unknown))}")
    try:
        if kind is AddNode:
            values["node"] = Node(**values["node"])
        if kind is AddCarrier:
            values["carrier"] = Carrier(**values["carrier"])
        made: Patch = kind(**values)
    except (KeyError, TypeError) as error:
        raise PatchError(f"a patch {name} lacks or misspells something: {error}") from error
    return made
