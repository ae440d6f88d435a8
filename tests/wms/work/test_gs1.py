"""Scans are read by three: biip on the server, and the small readers of server and device."""

import json
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wms.work.codes import code_of, elements
from wms.work.gs1 import read

VECTORS: list[dict[str, Any]] = json.loads(
    (Path(__file__).parents[2] / "vectors/gs1.json").read_text("utf-8")
)
OF_READING = ("gtin", "sscc", "lot", "serial", "units", "weight_g")


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: ascii(vector["scan"]))
def test_a_scan_means_the_same_to_all_readers(vector: dict[str, Any]):
    scan = vector["scan"]
    assert code_of(scan) == vector["code"]
    assert elements(scan) == vector.get("elements", {})
    if vector.get("biip", True):
        found = asdict(read(scan))
        assert {name: found[name] for name in OF_READING} == {
            name: vector.get(name) for name in OF_READING
        }
        told = vector.get("expires_on")
        assert found["expires_on"] == (date.fromisoformat(told) if told else None)


@given(st.text(st.sampled_from("0123456789]dC\x1d/:Az\uff21 "), max_size=40))
def test_whatever_is_scanned_has_an_answer(scan: str):
    assert read(scan).raw == scan
    code_of(scan)
