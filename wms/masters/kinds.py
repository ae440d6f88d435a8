"""All kinds of master data that files may bring, in the order in which a new site needs them."""

from collections.abc import Collection, Sequence
from typing import ClassVar

from wms.errors import NotFound
from wms.masters.counts import COUNT_POLICIES
from wms.masters.goods import LOTS, OWNERS, PACKS, SKUS
from wms.masters.kind import Kind, fits
from wms.masters.kits import KITS
from wms.masters.opening import STOCK
from wms.masters.packing import BENCHES, CARTONS, PACK_RULES, PRINTERS, STATIONS
from wms.masters.places import LOCATIONS, SITES
from wms.masters.putaway import PUTAWAY_RULES
from wms.masters.returns import DISPOSITIONS
from wms.masters.rule_files import FACES, POLICIES, SHIPPING_RULES
from wms.masters.sourcing import SOURCING
from wms.masters.tariffs import TARIFFS

KINDS: dict[str, Kind] = {
    kind.name: kind
    for kind in (
        OWNERS, SITES, LOCATIONS, SKUS, PACKS, LOTS, STOCK, POLICIES, FACES, SHIPPING_RULES,
        PUTAWAY_RULES, COUNT_POLICIES, DISPOSITIONS, KITS, CARTONS, PACK_RULES, PRINTERS, BENCHES,
        STATIONS, SOURCING, TARIFFS,
    )
}  # fmt: skip
SURE = 0.5  # of the file's columns


class NoSuchKind(NotFound):
    """There is no such kind of master data, or a file's header is that of none.

    Attributes:
        kinds: those that there are.
    """

    code: ClassVar[str] = "no_such_kind"

    def __init__(self, kind: str) -> None:
        super().__init__(f"there is no kind {kind!r}; there are {', '.join(KINDS)}")
        self.kinds = ", ".join(KINDS)


DESK = frozenset(name for name, kind in KINDS.items() if kind.area == "masters")


def kind_named(name: str, among: Collection[str] = frozenset(KINDS)) -> Kind:
    """The kind of that name.

    Raises:
        NoSuchKind: there is none among those.
    """
    if name not in among:
        raise NoSuchKind(name)
    return KINDS[name]


def guess(header: Sequence[str]) -> Kind:
    """What kind of file has such a header.

    Raises:
        NoSuchKind: none, for sure.
    """
    best = max(KINDS.values(), key=lambda kind: fits(kind, header))
    if fits(best, header) < SURE:
        raise NoSuchKind(", ".join(header)[:80])
    return best
