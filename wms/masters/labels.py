"""Labels of places: the code to scan, and two check digits to say or type instead.

    printed = print_labels(session, Wanted(...), now=now)     which places, of which epoch
    as_file(printed, "pdf", told=...)                         one page a label

A label that is printed anew has other digits (`reprint` raises the places' epoch), so that nobody
works by heart, and an old label that is still on its shelf is found out. The same command prints
the same labels again and raises nothing.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar, Literal, TypeAlias
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from wms.errors import NotFound, Rejected
from wms.ids import SiteId
from wms.masters.model import LocationPrint
from wms.printing.codes import Code
from wms.printing.labels import LabelSpec, label, location_label
from wms.printing.render import to_pdf, to_zpl
from wms.sites import Location, check_digits, site_id, sites_by_code

Form: TypeAlias = Literal["pdf", "zpl"]

LABELS_MAX = 5_000


class TooManyLabels(Rejected):
    """More labels than can be made at once: narrow it down to a zone.

    Attributes:
        most: how many at once.
    """

    code: ClassVar[str] = "too_many_labels"

    def __init__(self) -> None:
        super().__init__(f"more than {LABELS_MAX} labels")
        self.most = LABELS_MAX


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Labels that somebody wants: of these places, or of a zone or kind, or of the whole site."""

    id: UUID
    site: str
    codes: tuple[str, ...] = ()
    zone: str | None = None
    kind: str | None = None
    reprint: bool = False
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Printed:
    """A place's label."""

    code: str
    digits: str
    line: str


def print_labels(session: Session, wanted: Wanted, *, now: datetime) -> list[Printed]:
    """The labels, in the order of their codes.

    Raises:
        NotFound: there is no such site, or a place of those named.
        TooManyLabels: narrow it down.
    """
    if wanted.site not in sites_by_code(session, [wanted.site]):
        raise NotFound(f"site {wanted.site}")
    site = site_id(wanted.site)
    before = session.get(LocationPrint, (site, wanted.id))
    if before is not None:
        return [_printed(*place) for place in before.places]
    places = _places(session, site, wanted)
    said: list[list[Any]] = [
        [place.code, str(place.id), place.label_epoch + wanted.reprint, _line(wanted.site, place)]
        for place in places
    ]
    if wanted.reprint and places:
        raised = update(Location).where(
            Location.site_id == site, Location.id.in_([place.id for place in places])
        )
        session.execute(raised.values(label_epoch=Location.label_epoch + 1))
    session.add(
        LocationPrint(site_id=site, id=wanted.id, places=said, printed_by=wanted.by, printed_at=now)
    )
    return [_printed(*place) for place in said]


def as_file(
    printed: Sequence[Printed], form: Form, *, told: Callable[[int], None] | None = None
) -> bytes:
    """The labels as a file to print."""
    drawings = (label(spec) for spec in _specs(printed))
    return to_pdf(drawings, told=told) if form == "pdf" else to_zpl(drawings, told=told)


def _specs(printed: Sequence[Printed]) -> Iterator[LabelSpec]:
    for each in printed:
        lines = (each.line,)
        if each.code.isascii():
            yield location_label(each.code, each.digits, lines=lines)
        else:  # bars know no Japanese
            yield LabelSpec(
                kind="LOCATION", title=each.code, lines=lines, digits=each.digits,
                codes=(Code("QR", each.code),),
            )  # fmt: skip


def _places(session: Session, site: SiteId, wanted: Wanted) -> Sequence[Location]:
    query = select(Location).where(Location.site_id == site, ~Location.code.startswith("@"))
    if wanted.codes:
        query = query.where(Location.code.in_(wanted.codes))
    if wanted.zone is not None:
        query = query.where(Location.zone == wanted.zone)
    if wanted.kind is not None:
        query = query.where(Location.kind == wanted.kind)
    query = query.order_by(Location.code).limit(LABELS_MAX + 1).with_for_update()
    places = session.scalars(query).all()
    if len(places) > LABELS_MAX:
        raise TooManyLabels
    missing = set(wanted.codes) - {place.code for place in places}
    for code in sorted(missing):
        raise NotFound(f"place {code} of site {wanted.site}")
    return places


def _line(site: str, place: Location) -> str:
    return " · ".join(part for part in (site, place.zone, place.storage_type) if part)


def _printed(code: str, id_: str, epoch: int, line: str) -> Printed:
    return Printed(code=code, digits=check_digits(UUID(id_), epoch), line=line)
