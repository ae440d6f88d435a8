"""Compiled loops as the plain Python that they are: no test waits for a compiler by day."""

from types import ModuleType

import pytest

from benchmarks import fleet
from wcs.fleet import grants, serve, steps, windows
from wcs.layout import rows

COMPILED: tuple[ModuleType, ...] = (rows, steps, windows, fleet)


@pytest.fixture
def plain(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every compiled loop runs uncompiled while a test lasts."""
    for module in COMPILED:
        for name, value in list(vars(module).items()):
            if hasattr(value, "py_func"):
                monkeypatch.setattr(module, name, value.py_func)
    monkeypatch.setattr(grants, "compiled_serve", lambda: serve.serve)
