"""What missions of hired fleets cost, kept in the journal for good: the bill of a month.

A row a mission, written in the transaction of the step that heard of its end, so that it is there
once and as surely as the report to the WMS. What a provider asks beside what was agreed is shown
mission for mission: the bill is checked before it is paid.

An invoice is held against them (`differences`), line by line: what nobody had, what is there twice,
what costs another sum than was agreed, and what was carried and is not on it.

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

INVOICE = ("mission", "price_minor", "currency")

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


def differences(rows: Iterable[Row], invoice: Iterable[Row]) -> list[Row]:
    """Where a provider's invoice is not what was agreed, line by line; nothing: it may be paid.

    A line of it has `mission`, `price_minor`, `currency`. What is free by agreement may be missing.

        UNKNOWN    we have no such mission, or it is not over
        TWICE      it is there again
        PRICE      another sum, or currency, than was agreed
        MISSING    it was to be paid and is not on it
    """
    ours = {str(row["mission"]): row for row in rows}
    seen: set[str] = set()
    found: list[Row] = []
    for line in invoice:
        mission, asked, currency = str(line["mission"]), int(line["price_minor"]), line["currency"]
        row = ours.get(mission)
        fault = ""
        if row is None:
            fault = "UNKNOWN"
        elif mission in seen:
            fault = "TWICE"
        elif (asked, currency) != (row["agreed_minor"], row["currency"]):
            fault = "PRICE"
        seen.add(mission)
        if fault:
            found.append(_difference(mission, fault, row, asked))
    left = (row for mission, row in ours.items() if mission not in seen and row["agreed_minor"])
    return [*found, *(_difference(str(row["mission"]), "MISSING", row, 0) for row in left)]


def _difference(mission: str, fault: str, row: Row | None, asked: int) -> Row:
    return {
        "mission": mission, "fault": fault, "state": row["state"] if row else "",
        "agreed_minor": row["agreed_minor"] if row else 0, "asked_minor": asked,
    }  # fmt: skip


def read_invoice(path: Path) -> list[Row]:
    """The lines of an invoice: CSV with a header, UTF-8.

    Raises:
        ValueError: a column is missing, or a price is no whole number.
        FileNotFoundError: there is no such file.
    """
    with path.open(encoding="utf-8-sig", newline="") as file:
        lines: list[Row] = list(csv.DictReader(file))
    for number, line in enumerate(lines, 2):
        lacking = [name for name in INVOICE if not line.get(name)]
        if lacking:
            raise ValueError(f"line {number}: no {', '.join(lacking)}")
        if not str(line["price_minor"]).lstrip("-").isdigit():
            raise ValueError(f"line {number}: price_minor is a whole number of minor units")
    return lines


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
