"""What missions of hired fleets cost, kept in the journal for good: the bill of a month.

A row a mission, written in the transaction of the step that heard of its end, so that it is there
once and as surely as the report to the WMS. What a provider asks beside what was agreed is shown
mission for mission: the bill is checked before it is paid.

Prices are minor units of the row's currency; metres.
"""

import csv
import io
import json
import sqlite3
from collections.abc import Iterable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from wcs.messages import FromWcs, MissionCharged

SCHEMA = """
CREATE TABLE IF NOT EXISTS charge (
    mission TEXT PRIMARY KEY, at TEXT NOT NULL, fleet TEXT NOT NULL, transport TEXT NOT NULL,
    state TEXT NOT NULL, metres REAL NOT NULL, agreed_minor INTEGER NOT NULL,
    asked_minor INTEGER, currency TEXT NOT NULL) WITHOUT ROWID;
"""
COLUMNS = (
    "mission", "at", "fleet", "transport", "state", "metres", "agreed_minor", "asked_minor",
    "currency",
)  # fmt: skip

Row = Mapping[str, Any]


def note(db: sqlite3.Connection, said: Iterable[FromWcs]) -> None:
    """Keep what a step has said of charges; within its transaction."""
    db.executemany(
        "INSERT OR IGNORE INTO charge VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [
            (
                one.mission,
                one.at.isoformat(),
                one.fleet,
                one.id,
                one.state,
                one.metres,
                one.agreed_minor,
                one.asked_minor,
                one.currency,
            )
            for one in said
            if isinstance(one, MissionCharged)
        ],
    )


def charges(path: Path, month: str) -> list[Row]:
    """The charges of a month ("2026-04"; "" is all), oldest first.

    Raises:
        FileNotFoundError: there is no such journal.
    """
    if not path.is_file():
        raise FileNotFoundError(f"there is no journal {path}")
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as db:
        names = ", ".join(COLUMNS)
        query = f"SELECT {names} FROM charge WHERE at LIKE ? ORDER BY at, mission"  # noqa: S608
        rows = db.execute(query, (f"{month}%",)).fetchall()
    return [dict(zip(COLUMNS, row, strict=True)) for row in rows]


def bill(rows: Iterable[Row]) -> list[Row]:
    """A line a fleet and currency: missions, metres, what was agreed, what is asked, how far off.

    What a provider has named no price for counts as asked as agreed.
    """
    lines: dict[tuple[str, str], dict[str, Any]] = {}
    for row in rows:
        key = (row["fleet"], row["currency"])
        line = lines.setdefault(
            key,
            {
                "fleet": row["fleet"],
                "currency": row["currency"],
                "finished": 0,
                "not_finished": 0,
                "metres": 0.0,
                "agreed_minor": 0,
                "asked_minor": 0,
                "differing": 0,
            },
        )
        asked = row["agreed_minor"] if row["asked_minor"] is None else row["asked_minor"]
        line["finished" if row["state"] == "FINISHED" else "not_finished"] += 1
        line["metres"] = round(line["metres"] + row["metres"], 2)
        line["agreed_minor"] += row["agreed_minor"]
        line["asked_minor"] += asked
        line["differing"] += asked != row["agreed_minor"]
    return [lines[key] for key in sorted(lines)]


def as_json(rows: list[Row]) -> str:
    """The bill, and every mission behind it."""
    return json.dumps({"bill": bill(rows), "missions": rows}, indent=2, ensure_ascii=False)


def as_csv(rows: list[Row]) -> str:
    """Every mission, a line each."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()
