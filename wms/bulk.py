"""Bulk: many rows of a table made or changed in one statement, whatever their number."""

import json
from typing import Any

from sqlalchemy import ColumnElement, Text, cast, func, literal, literal_column, select
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlalchemy.orm import Session

from wms.database import Base


def upsert(session: Session, table: type[Base], rows: list[dict[str, Any]], key: list[str]) -> None:
    """Make or change rows, known by `key`; the statement is told them as JSON.

    All rows have the same columns, and no key stands twice.
    """
    if not rows:
        return
    names = list(rows[0])
    said = cast(literal(json.dumps(rows, default=str), Text()), JSONB)
    like: ColumnElement[Any] = literal_column(f"NULL::{table.__tablename__}")
    sent = func.jsonb_populate_recordset(like, said).table_valued(*names)
    statement = insert(table).from_select(names, select(*(sent.c[name] for name in names)))
    changes = {name: statement.excluded[name] for name in names if name not in key}
    session.execute(statement.on_conflict_do_update(index_elements=key, set_=changes))
