"""Files of a process that is killed, and a disk that is full.

A killed process leaves what it had committed: its files are copied as they lie there, and the
copy goes on. A full disk refuses every write of the call that is made on it, by the kernel's own
limit on the size of files.
"""

import resource
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class Disk:
    """The disk of one machine: a folder a life of its process."""

    def __init__(self, folder: Path) -> None:
        self.is_full = False
        self._root, self._lives = folder, 0
        self.folder.mkdir(parents=True)

    @property
    def folder(self) -> Path:
        """Where the files of this life are."""
        return self._root / str(self._lives)

    def kill(self) -> None:
        """A new life begins with what is committed."""
        before = self.folder
        self._lives += 1
        self.folder.mkdir()
        for file in before.iterdir():
            if not file.name.endswith(("-shm", ".lock")):
                shutil.copyfile(file, self.folder / file.name)

    def forget(self) -> None:
        """Nobody needs the files of earlier lives any more."""
        for life in range(self._lives):
            shutil.rmtree(self._root / str(life), ignore_errors=True)

    @contextmanager
    def writing(self) -> Iterator[None]:
        """What is written here is refused while the disk is full."""
        if not self.is_full:
            yield
            return
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
