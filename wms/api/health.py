"""Health: is it alive, can it work."""

from fastapi import APIRouter, Request
from sqlalchemy import text

from wms.api.dependencies import Svc
from wms.errors import NotFound
from wms.stock.coalescer import Coalescer

router = APIRouter(prefix="/health", tags=["health"])


@router.get("/live")
def get_live() -> dict[str, str]:
    """The process answers."""
    return {"status": "ok"}


@router.get("/ready")
def get_ready(services: Svc) -> dict[str, str]:
    """The database answers too; 503 if not."""
    services.database.run(lambda s: s.execute(text("SELECT 1")).one())
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
