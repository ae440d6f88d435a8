"""Which run of the edge this is: a number that grows with each start, in a file.

What is said in different runs is put in order by it: a clock may be set back between two, and
names made by chance have no order. Where the file is lost the time of day stands in for it.
"""

import os
from pathlib import Path


def next_run(path: Path, now_s: float) -> int:
    """The number of the run that begins now; on disk before it is used.

    Raises:
        ValueError: the file holds something else.
        OSError: it cannot be written.
    """
    before = int(path.read_text(encoding="ascii")) if path.exists() else 0
    run = max(before + 1, int(now_s))
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_suffix(".new")
    with fresh.open("w", encoding="ascii") as file:
        file.write(str(run))
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
    return run
