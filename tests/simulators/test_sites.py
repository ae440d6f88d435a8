"""The demo's hub with each of the sorters that it may have: a site file without faults."""

import tomllib
from typing import get_args

import pytest

from edge.agent import EdgeSettings
from edge.check import faults_of
from simulators.live_conveyor import read_site
from simulators.sites import make_tokyo


@pytest.mark.parametrize("sorter", get_args(make_tokyo.Sorter))
def test_a_hub_with_any_sorter_is_a_site_and_can_be_played(sorter: make_tokyo.Sorter):
    text = make_tokyo.text(sorter)
    assert faults_of(text, EdgeSettings()) == []
    cell = read_site(tomllib.loads(text), "cv1")
    assert cell.sorter_driver == sorter
    assert cell.sorter_config.lanes == tuple(make_tokyo.LANES)
