"""For supervisors: stop a machine, or let it go on.

What is asked for here moves nothing. It is an exception, and is done when somebody solves that with
the act `confirm`, within a minute (wms.outbound.machines).
"""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter
from pydantic import AwareDatetime, BaseModel, Field, StringConstraints
from sqlalchemy.orm import Session

from wms.api.dependencies import Boss, Now, Svc
from wms.api.shapes import PRINTABLE, CommandIn, Text
from wms.outbound.attend import exception_of
from wms.outbound.machines import Ask, Deed, ask

router = APIRouter(prefix="/console/v1", tags=["supervise"])


class AskIn(CommandIn):
    """What is to be done to which machine, and why."""

    deed: Deed = Field(
        description="HOLD a robot, CANCEL its drive, or let it GO_ON; WITHDRAW the order that it"
        " has not begun; CLOSE an area of the floor, or OPEN it; SAFE: a safety circuit that was"
        " reset at the machine may go on"
    )
    machine: Text
    reason: Annotated[
        str, StringConstraints(strict=True, min_length=2, max_length=500, pattern=PRINTABLE)
    ]


class AskedOut(BaseModel):
    """What is confirmed next."""

    exception: UUID
    deed: Deed
    machine: str
    reason: str
    until: AwareDatetime


@router.post("/machines:ask")
def post_ask(body: AskIn, services: Svc, now: Now, boss: Boss) -> AskedOut:
    """Ask for it. Nothing moves until somebody solves that exception with the act `confirm`."""
    wanted = Ask(
        id=body.command_id, deed=body.deed, machine=body.machine, by=boss, reason=body.reason
    )

    def work(session: Session) -> AskedOut:
        ask(session, services.floor, wanted, now=now)
        session.flush()
        row = exception_of(session, wanted.id)
        until = row.facts.get("until", now)
        return AskedOut(
            exception=row.id, deed=body.deed, machine=body.machine, reason=body.reason, until=until
        )

    return services.database.run(work)
