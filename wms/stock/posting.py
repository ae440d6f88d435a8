"""How lines travel to the posting functions in the database, and back.

The functions take columns (arrays) or a JSON list of lines, and answer a row a line, or only the
faults when there are any; nothing has been changed then. What was asked is remembered as a hash
of the line, so that an id that comes again with another body is recognised.
"""

import hashlib
import json
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import fields
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import Uuid, bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from wms.errors import WmsError
from wms.stock.poison import NotPostable

Line = TypeVar("Line")
Answer = TypeVar("Answer")

_NAMES: dict[type, tuple[str, ...]] = {}

NIL = UUID(int=0)  # "in no handling unit": keys have no nulls

ADVANCE = text("SELECT * FROM stock_advance(cast(:lines AS jsonb), :each)")
MOVE = text("SELECT * FROM stock_move(cast(:lines AS jsonb), :each)")
MOVE_UNIT = text("SELECT * FROM stock_move_unit(cast(:lines AS jsonb))")
PUT_UNIT = text("SELECT stock_put_unit(:site, :unit, :into) AS fault").bindparams(
    *(bindparam(name, type_=Uuid()) for name in ("site", "unit", "into"))
)
EXPIRE = text(
    "SELECT id AS hold_id, site_id, sku_id, units, demand_id FROM stock_expire(:now, :limit)"
)
LIMITS = text("SELECT stock_set_limits(:site, :owner, :sku, :safety, :overdraft)")
LOCK = text("SELECT stock_lock(cast(:holds AS jsonb), :sites, :owners, :skus)").bindparams(
    *(bindparam(name, type_=ARRAY(Uuid())) for name in ("sites", "owners", "skus"))
)


def asked(line: Any, *, without: Sequence[str] = ()) -> UUID:
    """A hash of what a line asks for, whichever way it is said."""
    names = _names(line)
    return UUID(_mark(names, [_said(getattr(line, name)) for name in names], without))


def as_json(lines: Sequence[Any], *, without: Sequence[str] = (), **defaults: Any) -> str:
    """The lines as a JSON list, each with its place in it and its hash; None as its default."""
    rows = []
    for ord_, line in enumerate(lines):
        names = _names(line)
        values = [getattr(line, name) for name in names]
        said = [_said(value) for value in values]
        row = {
            name: text if type(value) is UUID else value
            for name, value, text in zip(names, values, said, strict=True)
        }
        for name, value in defaults.items():
            if row.get(name) is None:
                row[name] = value
        row["ord"] = ord_
        row["asked"] = _mark(names, said, without)
        rows.append(row)
    return json.dumps(rows, default=_plain)


def _said(value: Any) -> str:
    return f"{value.int:032x}" if type(value) is UUID else str(value)


def _mark(names: Sequence[str], said: Sequence[str], without: Sequence[str]) -> str:
    parts = [text for name, text in zip(names, said, strict=True) if name not in without]
    return hashlib.blake2b("\0".join(parts).encode(), digest_size=16).hexdigest()


def _names(line: Any) -> tuple[str, ...]:
    kind = type(line)
    if kind not in _NAMES:
        _NAMES[kind] = tuple(field.name for field in fields(line))
    return _NAMES[kind]


def rounds(lines: Sequence[Line], ids: Callable[[Line], set[Any]]) -> Iterator[Sequence[Line]]:
    """Cut a batch where a line names an id that one before it names: a set has no order."""
    start, seen = 0, set[Hashable]()
    for place, line in enumerate(lines):
        named = ids(line) - {None}
        if seen & named:
            yield lines[start:place]
            start, seen = place, set()
        seen |= named
    if start < len(lines):
        yield lines[start:]


def by_halves(
    session: Session,
    lines: Sequence[Line],
    post: Callable[[Session, Sequence[Line]], Sequence[Answer | WmsError]],
) -> list[Answer | WmsError]:
    """Post lines together; if the database chokes on one, halve until that one stands alone."""
    if not lines:
        return []
    try:
        with session.begin_nested():
            return list(post(session, lines))
    except WmsError as error:
        fault: WmsError = error
    except DBAPIError as error:
        state = getattr(error.orig, "sqlstate", None) or ""
        if not state.startswith(("22", "23")):
            raise
        fault = NotPostable(state)
    if len(lines) == 1:
        return [fault]
    middle = len(lines) // 2
    return [
        *by_halves(session, lines[:middle], post),
        *by_halves(session, lines[middle:], post),
    ]


def _plain(value: Any) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    assert isinstance(value, UUID), value
    return str(value)


def lock(session: Session, holds: Sequence[Any], keys: Sequence[Any]) -> None:
    """Lock the balances of the lines' holds and of the keys, in the order of their keys."""
    session.execute(
        LOCK,
        {
            "holds": as_json(holds),
            "sites": [line.site_id for line in keys],
            "owners": [line.owner_id for line in keys],
            "skus": [line.sku_id for line in keys],
        },
    )
