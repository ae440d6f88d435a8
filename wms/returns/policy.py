"""The policy of returns as it stands: what was last saved, or the built-in one."""

from datetime import datetime

from pydantic import TypeAdapter
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from wms.returns.model import ReturnPolicyRow
from wms.returns.rules import Policy

NAME = "default"
_AS_JSON: TypeAdapter[Policy] = TypeAdapter(Policy)


def read_policy(session: Session) -> Policy:
    """The policy that holds now."""
    row = session.get(ReturnPolicyRow, NAME)
    return Policy() if row is None else _AS_JSON.validate_python(row.body)


def save_policy(session: Session, policy: Policy, *, now: datetime) -> None:
    """Let this policy hold from now on."""
    row = {"name": NAME, "body": _AS_JSON.dump_python(policy, mode="json"), "saved_at": now}
    statement = insert(ReturnPolicyRow).values(row)
    changes = {"body": statement.excluded.body, "saved_at": now}
    session.execute(statement.on_conflict_do_update(index_elements=["name"], set_=changes))
