"""Published tours: the files of single-picker routing with scattered storage, and their optima.

Cell 0 is the cell nearest to the *top* cross-aisle; the depot is at the bottom or at the top,
which then is our front. A file is named after its instance: unit or varying demand, F places an
article, m aisles, C cells an aisle, a articles, and a number. With two blocks the instances are the
same but for a middle cross-aisle, a unit wide. Lengths are in the unit of the file.

Source of the format: K. Hessler and S. Irnich, SPRP-SS, 2023.
"""

import csv
import re
from pathlib import Path

import numpy as np

from optimizer.layout import Block
from optimizer.picktour_scattered import Problem

TOURS = Path(__file__).parents[2] / "shared" / "data" / "optimizer" / "tours"
ACROSS = 1.0  # how wide the middle cross-aisle is
HEAD = re.compile(r"^(\w+) : (.*)$", re.MULTILINE)
PLACE = re.compile(r"ID (\d+) AISLE (\d+) CELL (\d+) QUANTITY (\d+)")
WANTED = re.compile(r"^ID (\d+) QUANTITY (\d+)\s*$", re.MULTILINE)


def files(folder: Path = TOURS) -> list[Path]:
    """The instances that are here; none where the shared data are missing."""
    return sorted(folder.glob("*_F*.txt"))


def read(file: Path, *, two_blocks: bool = False) -> Problem:
    """An instance; with two blocks there is a cross-aisle between the middle cells."""
    text = file.read_text(encoding="latin-1")
    head = dict(HEAD.findall(text))
    cells, each = int(head["NUM_CELLS"]), float(head["DISTANCE_CELL_TO_CELL"])
    near, far = (float(head[f"DISTANCE_{end}_TO_CELL"]) for end in ("BOTTOM", "TOP"))
    is_below = head["DEPOT_LOCATION"] == "bottom"
    rows = np.array(PLACE.findall(text), dtype=np.int64).reshape(-1, 4)
    article, aisle, cell, quantity = rows.T
    number = {int(name): at for at, (name, _) in enumerate(WANTED.findall(text))}
    there = np.isin(article, list(number))
    length_m = near + (cells - 1) * each + far
    depth_m = near + (cells - 1 - cell[there]) * each
    across_m: tuple[float, ...] = ()
    if two_blocks:
        across_m = (near + (cells // 2 - 1) * each + (each + ACROSS) / 2,)
        depth_m = depth_m + ACROSS * (depth_m + ACROSS / 2 > across_m[0])
        length_m += ACROSS
    return Problem(
        block=Block(
            aisles=int(head["NUM_AISLES"]),
            aisle_length_m=length_m,
            aisle_pitch_m=float(head["DISTANCE_AISLE_TO_AISLE"]),
            cross_aisles_m=across_m if is_below else tuple(length_m - each for each in across_m),
        ),
        aisle=aisle[there],
        depth_m=np.asarray(depth_m if is_below else length_m - depth_m, dtype=np.float64),
        article=np.array([number[name] for name in article[there].tolist()], dtype=np.int64),
        quantity=quantity[there],
        wanted=np.array([int(units) for _, units in WANTED.findall(text)], dtype=np.int64),
        depot_aisle=int(head["DEPOT_AISLE"]),
    )


def optima(folder: Path = TOURS, *, two_blocks: bool = False) -> dict[str, float]:
    """The published length of each instance, by the name of its file; none where it is not here."""
    found: dict[str, float] = {}
    for kind in ("SPRP-SS", "SPRP"):
        table = folder / f"results_{kind}{'_two_block' if two_blocks else ''}.csv"
        if not table.exists():
            continue
        with table.open(newline="") as rows:
            for row in csv.DictReader(rows):
                if two_blocks:
                    found[row["filename"].removesuffix(".txt")] = float(row["objective"])
                    continue
                demand = "unit" if row["unit demand"] == "true" else "varying"
                name = (
                    f"{demand}_F{row['alpha']}_m{row['num aisles']}_C{row['num cells']}"
                    f"_a{row['num articles']}_{row['random seed']}"
                )
                found[name] = float(row["Netw MIP cost"])
    return found
