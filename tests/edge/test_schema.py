"""What goes over the broker is what its published schemas say."""

import json
from datetime import UTC, datetime
from typing import Any

import jsonschema
import pytest
from typer.testing import CliRunner

from edge.commands import edge
from edge.messages import Divert, device_command
from edge.schema import schemas
from edge.stream import Ack, encode_ack, encode_batch
from tests.edge.test_fuzz import scan

AT = datetime(2026, 11, 27, 9, 0, tzinfo=UTC)
SAID: dict[str, bytes] = {
    "event": scan(1),
    "command": device_command.dump_json(Divert(device="s1", tracking=7, lane="L1", expires_at=AT)),
    "batch": encode_batch("e", 1, [scan(1)], {"boot": "b", "up_s": 5.5, "shift_s": None}),
    "ack": encode_ack(Ack("e", 7, AT, "b", 5.5)),
}


@pytest.mark.parametrize("name", SAID)
def test_what_is_said_is_as_published_and_nonsense_is_not(name: str):
    schema: dict[str, Any] = schemas()[name]
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(json.loads(SAID[name]), schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"type": "carton.painted", "epoch": 7}, schema)


def test_they_are_shown():
    shown = CliRunner().invoke(edge, ["schema"])
    assert set(json.loads(shown.stdout)) == {*SAID, "report"}
    assert json.loads(CliRunner().invoke(edge, ["schema", "ack"]).stdout) == schemas()["ack"]
    assert CliRunner().invoke(edge, ["schema", "nothing"]).exit_code == 1
