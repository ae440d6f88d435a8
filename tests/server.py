"""The PostgreSQL of a test run: `python -m tests.server FOLDER`, started by the first worker.

It says its address, then waits until nobody holds a shared lock on FOLDER/users any more: every
worker holds one, and the kernel lets go of it when the worker ends, in whichever way.
"""

import fcntl
import shutil
import sys
import tempfile
from pathlib import Path

from wms.postgres import EmbeddedPostgres


def main(folder: Path) -> None:
    """Serve until the last user has gone."""
    data = Path(tempfile.mkdtemp(prefix="soko-tests-"))
    data.chmod(0o755)  # the server may run as another user
    try:
        with EmbeddedPostgres(data, fast=True) as postgres, (folder / "users").open("a") as users:
            sys.stdout.write(f"{postgres.url}\n")
            sys.stdout.flush()
            fcntl.flock(users, fcntl.LOCK_EX)
    finally:
        shutil.rmtree(data, ignore_errors=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
