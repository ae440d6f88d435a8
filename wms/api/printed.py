"""The API on paper: what stands in docs/api, and how it is made.

    soko api docs/api      writes openapi.json, events.md and problems.md

They are made from the code and kept beside it, so that a change of the API is seen in a review.
A test compares them.
"""

import importlib
import json
import pkgutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fastapi import FastAPI

import wms
from wms.api.webhooks import problem_kinds
from wms.events import EVENTS

HOW = "Made by `soko api docs/api`; do not edit.\n"


def pages(app: FastAPI) -> Mapping[str, str]:
    """The files, by name."""
    said: dict[str, Any] = app.openapi()
    return {
        "openapi.json": json.dumps(said, indent=1, ensure_ascii=False, sort_keys=True) + "\n",
        "events.md": _events(),
        "problems.md": _problems(),
    }


def write(app: FastAPI, folder: Path) -> None:
    """Write them there."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, page in pages(app).items():
        (folder / name).write_text(page, encoding="utf-8")


def _events() -> str:
    rows = [
        f"| `{type_}` | {kind.says} | "
        + ", ".join(f"`{name}` {what}" for name, what in kind.fields.items())
        + " |"
        for type_, kind in EVENTS.items()
    ]
    head = ["# Events", "", HOW, "Subscribe by `PUT /oms/v1/webhooks/{id}`.", ""]
    return "\n".join([*head, "| type | says | body |", "|---|---|---|", *rows, ""])


def _problems() -> str:
    for module in pkgutil.walk_packages(wms.__path__, "wms."):  # a code may stand anywhere
        if not module.name.startswith("wms.migrations"):
            importlib.import_module(module.name)
    rows = [f"| `{code}` | {says} |" for code, says in sorted(problem_kinds().items())]
    head = [
        "# Problems",
        "",
        HOW,
        "Every error is a problem (RFC 9457) with one of these codes.",
        "",
    ]
    return "\n".join([*head, "| code | means |", "|---|---|", *rows, ""])
