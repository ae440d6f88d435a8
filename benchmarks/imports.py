"""How long it takes to take 100,000 rows of master data from a file: looked through, then applied.

    python -m benchmarks.imports --json [--rows 100000]

SKUs with a barcode each, as CSV and as XLSX; then the CSV again, of which nothing changes. The
baseline, in the same run, is what one does without: each row by itself, over a share of the rows.
Seconds are wall clock, `cpu_s` those of this process.
"""

import argparse
import json
import time
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from uuid import UUID

from sqlalchemy import func, select

from benchmarks.world import fresh
from wms.catalog import Barcode, Sku, SkuRecord, save_skus
from wms.database import Database
from wms.ids import derive
from wms.masters.columns import Cell
from wms.masters.model import MasterImport
from wms.masters.sheet import write_csv, write_xlsx
from wms.masters.take import Sent, apply_it, take, work_off

HEADER = ("code", "name_en", "name_ja", "gtins", "length_mm", "weight_g", "fragile")
NOW = datetime(2026, 4, 6, 9, tzinfo=UTC)
NIL = UUID(int=0)
SHARE = 50  # one row in so many is taken singly, for the baseline


def gtin(number: int) -> str:
    """A GTIN-13 of a number, with its check digit."""
    body = f"49{number:010d}"
    odd, even = (sum(map(int, body[start::2])) for start in (0, 1))
    return body + str(-(odd + 3 * even) % 10)


def rows(count: int, *, first: int = 0) -> list[list[Cell]]:
    """A file's rows, all different."""
    made: list[list[Cell]] = [list(HEADER)]
    for n in range(first, first + count):
        sizes: list[Cell] = [100 + n % 400, 50 + n % 900, "no"]
        made.append([f"K-{n:07d}", f"Thing {n}", f"品物 {n}", gtin(n), *sizes])
    return made


def timed(work: Callable[[], object]) -> tuple[float, float]:
    """How long it took, and how much of that this process computed."""
    began, cpu = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - began, time.process_time() - cpu


def imported(database: Database, name: str, content: bytes) -> dict[str, float]:
    """Check a file, apply it: seconds of each, by name."""
    id_ = derive(NIL, "import", name)
    sent = Sent(id=id_, kind="skus", name=name, content=content, dry_run=True, by="benchmark")
    database.run(lambda s: take(s, sent, now=NOW))
    check_s, check_cpu = timed(lambda: work_off(database, id_, now=NOW))
    state = database.run(lambda s: s.get_one(MasterImport, id_).state)
    assert state == "CHECKED", state
    database.run(lambda s: apply_it(s, id_))
    apply_s, apply_cpu = timed(lambda: work_off(database, id_, now=NOW))
    row = database.run(lambda s: s.get_one(MasterImport, id_))
    assert row.state == "APPLIED", row.faults[:3]
    return {
        f"{name}_check_s": round(check_s, 2),
        f"{name}_apply_s": round(apply_s, 2),
        f"{name}_cpu_s": round(check_cpu + apply_cpu, 2),
    }


def one_by_one(database: Database, count: int) -> float:
    """The baseline: each row a transaction; seconds for all of them."""

    def save(n: int) -> None:
        record = SkuRecord(
            code=f"S-{n:07d}", name_en=f"Thing {n}", name_ja=f"品物 {n}", gtins=(gtin(n),),
            length_mm=100, weight_g=50,
        )  # fmt: skip
        database.run(lambda s: save_skus(s, [record]))

    def all_of_them() -> None:
        for n in range(10**9, 10**9 + count):
            save(n)

    return timed(all_of_them)[0]


def main() -> None:
    """Import, and the same again, and another way."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--rows", type=int, default=100_000)
    asked = parser.parse_args()
    count = asked.rows
    csv, xlsx = write_csv(rows(count)), write_xlsx(rows(count, first=count))
    with fresh() as world, closing(Database(world.url, pool_size=4)) as database:
        figures: dict[str, float | int] = {"rows": count}
        figures |= imported(database, "csv", csv)
        figures |= imported(database, "xlsx", xlsx)
        figures |= imported(database, "again", csv)
        few = max(1, count // SHARE)
        figures["singly_rows_per_s"] = round(few / one_by_one(database, few), 1)
        there = database.run(
            lambda s: (
                s.scalar(select(func.count()).select_from(Sku)),
                s.scalar(select(func.count()).select_from(Barcode)),
            )
        )
        assert there == (2 * count + few, 2 * count + few), there
    figures["rows_per_s"] = round(count / (figures["csv_check_s"] + figures["csv_apply_s"]), 1)
    if asked.json:
        print(json.dumps(figures))
        return
    for name, value in figures.items():
        print(f"{name:>20} {value:,}")


if __name__ == "__main__":
    main()
