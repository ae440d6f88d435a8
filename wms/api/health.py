"""Health: is it alive, can it work."""

from fastapi import APIRouter
from sqlalchemy import text

from wms.api.dependencies import Svc

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
