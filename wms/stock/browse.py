"""The stock page: SKUs in the order of their codes, a line each over all sites, a page at a time.

    page = browse(session, Wish(text="tea", states=("damaged",)), now=now, limit=50)
    page.lines, page.next      where to go on; None at the end

However much stock there is, a page costs as much as it shows: it walks the SKUs from the cursor
by index and adds up the balances of each. A filter that few SKUs pass would walk on for ever, so a
page looks at no more than LOOK SKUs: it may show fewer lines than asked for, or none, and still
have a `next`. There are no totals of everything; a SKU's own are on its line.

States that are places (damaged, lost, on a lane …) are mostly rare: what stands at such places is
looked up by index, and where that are few enough only those SKUs are walked.

A text is looked for in code and names, as a whole, in letters of any case or width. From two
letters on the index of pairs of letters finds the SKUs that have it. The SKU whose code it is comes
first.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, TypeAlias, get_args
from unicodedata import normalize
from uuid import UUID

from sqlalchemy import Text, TextClause, Uuid, bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Session

from wms.ids import SkuId
from wms.stock.availability import STATES
from wms.stock.network import FREE, SELLS, moment

LOOK = 200  # SKUs, of some dozens of balances each
RARE = 20_000  # quants at the places of a state; more, and it is not rare

Filter: TypeAlias = Literal[
    "expected", "received", "sellable", "reserved", "cart", "click_reserve", "allocated",
    "picked", "packed", "to_customer", "to_store", "to_locker", "store_to_dc", "dc_to_dc",
    "return_requested", "return_in_transit", "return_received", "quarantine", "damaged", "lost",
    "unknown", "safety", "blocked", "free", "sold_out",
]  # fmt: skip
FILTERS: tuple[str, ...] = get_args(Filter)
_PROMISES = {"sellable", "reserved", "cart", "click_reserve", "allocated", "safety", "blocked",
             "free", "sold_out"}  # fmt: skip
_AT_PLACES = text(
    "SELECT array_agg(DISTINCT x.sku_id) FILTER (WHERE x.units > 0) AS skus, count(*) AS looked"
    " FROM (SELECT q.sku_id, q.units FROM location l"
    "  JOIN quant q ON q.site_id = l.site_id AND q.location_id = l.id"
    "  WHERE l.counter = ANY(:states) AND l.counter NOT IN ('sellable', 'outside', 'none')"
    "  LIMIT :rare) AS x"
).bindparams(bindparam("states", type_=ARRAY(Text())))

_SUMS = ", ".join(f"sum(b.{state}) AS {state}" for state in STATES)
_WORDS = "sku_words(k.code, k.name_en, k.name_ja)"
_HAS_TEXT = (
    f" AND position(search_form(:text) IN search_form({_WORDS})) > 0"
    " AND search_form(k.code) <> search_form(:text)"
)
_HAS_PAIRS = f" AND search_pairs({_WORDS}) @> search_pairs(:text)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """Which SKUs: with that text, at that site, with units in any of these states."""

    text: str = ""
    site: str | None = None
    states: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A SKU over all sites, or at the one asked for; only states that are not 0."""

    sku: str
    name_en: str
    name_ja: str
    sites: int
    units: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A SKU to go on behind."""

    code: str
    id: SkuId


@dataclass(frozen=True, slots=True, kw_only=True)
class Lines:
    """A page, when it was true, and where to go on."""

    as_of: datetime
    age_s: int
    lines: Sequence[Line]
    next: Place | None


def browse(
    session: Session, wish: Wish, *, now: datetime, after: Place | None = None, limit: int = 50
) -> Lines:
    """The next lines after a place, from the beginning without one."""
    at = moment(session, now=now)
    few = _few(session, wish)
    facts = _facts(wish, after, limit) | ({} if few is None else {"few": few})
    found: list[Any] = []
    if wish.text and after is None:
        found += session.execute(statement(wish, exact=True), facts)
    rest = session.execute(statement(wish, few=few is not None), facts).all()
    last: Any
    if len(rest) >= limit:
        last = rest[-1]
    else:  # it came to the end of what it looks at, or of all
        last = session.execute(_border(wish, few=few is not None), facts).first()
    return Lines(
        as_of=at.as_of,
        age_s=at.age_s,
        lines=[_line(row) for row in [*found, *rest]],
        next=None if last is None else Place(code=last.code, id=SkuId(last.id)),
    )


def _few(session: Session, wish: Wish) -> list[UUID] | None:
    """The SKUs that are in these states anywhere, if they are few and the states are places."""
    if not wish.states or not _PROMISES.isdisjoint(wish.states):
        return None
    row = session.execute(_AT_PLACES, {"states": list(wish.states), "rare": RARE}).one()
    return None if row.looked >= RARE else row.skus or []


def statement(wish: Wish, *, exact: bool = False, few: bool = False) -> TextClause:
    """The lines of a page; `exact`: of the SKU whose code the text is; `few`: of those only."""
    assert set(wish.states) <= set(FILTERS), wish.states
    free = f"sum({FREE}) FILTER (WHERE b.segment = :sells)"
    at_site = (
        "" if wish.site is None else " AND b.site_id = (SELECT id FROM site WHERE code = :site)"
    )
    wanted = "".join(
        f" OR {'s.free <= 0' if state == 'sold_out' else f's.{state} > 0'}" for state in wish.states
    )
    skus = _exact() if exact else _look(wish, few=few)
    return _typed(
        f"SELECT k.id, k.code, k.name_en, k.name_ja, s.* FROM ({skus}) AS k JOIN LATERAL ("  # noqa: S608 - names of ours
        f" SELECT count(DISTINCT b.site_id) AS sites, {_SUMS}, coalesce({free}, 0) AS free"
        f" FROM stock_balance b WHERE b.sku_id = k.id{at_site}) AS s ON s.sites > 0"
        f"{f' AND (false{wanted})' if wanted else ''}"
        " ORDER BY k.code, k.id LIMIT :limit"
    )


def _border(wish: Wish, *, few: bool) -> TextClause:
    """The last SKU that a page may look at, if there are so many."""
    return _typed(f"SELECT k.code, k.id FROM ({_look(wish, few=few)}) AS k OFFSET :look - 1")  # noqa: S608


def _look(wish: Wish, *, few: bool) -> str:
    has = _HAS_TEXT if wish.text else ""
    has += _HAS_PAIRS if len(normalize("NFKC", wish.text)) > 1 else ""
    has += " AND k.id = ANY(:few)" if few else ""
    return (
        "SELECT k.id, k.code, k.name_en, k.name_ja FROM sku k"  # noqa: S608 - words of ours
        f" WHERE (k.code, k.id) > (:code, :id){has} ORDER BY k.code, k.id LIMIT :look"
    )


def _exact() -> str:
    return (
        "SELECT k.id, k.code, k.name_en, k.name_ja FROM sku k"
        " WHERE search_form(k.code) = search_form(:text)"
    )


def _typed(sql: str) -> TextClause:
    statement = text(sql)
    if ":id" in sql:
        statement = statement.bindparams(bindparam("id", type_=Uuid()))
    if ":few" in sql:
        statement = statement.bindparams(bindparam("few", type_=ARRAY(Uuid())))
    return statement


def _facts(wish: Wish, after: Place | None, limit: int) -> dict[str, Any]:
    return {
        "text": wish.text,
        "site": wish.site,
        "code": "" if after is None else after.code,
        "id": UUID(int=0) if after is None else after.id,
        "look": LOOK,
        "limit": limit,
        "sells": SELLS,
    }


def _line(row: Any) -> Line:
    units = {state: int(getattr(row, state)) for state in (*STATES, "free")}
    return Line(
        sku=row.code,
        name_en=row.name_en,
        name_ja=row.name_ja,
        sites=row.sites,
        units={state: n for state, n in units.items() if n},
    )
