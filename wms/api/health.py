"""Health: is it alive, can it work.

Alive is who answers; nobody is started again because the database is away. Ready is who should be
given work: not while it ends, not without a database, and not with one that is older than this
code. A database that is newer is fine: the version before runs beside the next one.
"""

from pathlib import Path

from fastapi import APIRouter, Request
from sqlalchemy import text

from wms.api.dependencies import Svc
from wms.errors import NotFound, Unavailable
from wms.stock.coalescer import Coalescer

router = APIRouter(prefix="/health", tags=["health"])

_VERSIONS = sorted(
    file.stem for file in (Path(__file__).parents[1] / "migrations" / "versions").glob("0*.py")
)
_OLDER = frozenset(_VERSIONS[:-1])


class Draining(Unavailable):
    """This process is about to end; others are there."""

    code = "draining"


class SchemaBehind(Unavailable):
    """The database is older than this code: `soko db upgrade`."""

    code = "schema_behind"


@router.get("/live")
def get_live() -> dict[str, str]:
    """The process answers."""
    return {"status": "ok"}


@router.get("/ready")
def get_ready(services: Svc) -> dict[str, str]:
    """It is to be given work: it does not end, and its database answers and is new enough."""
    if services.draining.is_set():
        raise Draining("this process ends")
    version = "SELECT version_num FROM alembic_version"
    found = services.database.run(lambda s: s.execute(text(version)).scalar_one())
    if found in _OLDER:
        raise SchemaBehind(f"the schema is at {found}, this code needs {_VERSIONS[-1]}")
    return {"status": "ok"}


@router.get("/queue")
async def get_queue(request: Request) -> dict[str, int]:
    """The lines of this process's coalescer: how many wait now, and counts since its start.

    404 where there are several cells: each has a coalescer of its own.
    """
    coalescer = request.app.state.coalescer
    if not isinstance(coalescer, Coalescer):
        raise NotFound("several cells have several queues")
    names = ("depth", "asked", "batches", "lines", "refused", "late")
    return {name: getattr(coalescer, name) for name in names}
