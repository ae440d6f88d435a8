"""The device part of a site file: the demo's is understood, a bad one is told all its faults."""

from datetime import timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from edge.agent import EdgeSettings, make_drivers
from edge.authority import Authority
from edge.check import faults_of, located
from edge.clock import SystemClock
from edge.commands import edge
from edge.site import DRIVERS, SiteFaults, read_site

REPOSITORY = Path(__file__).parents[2]
TOKYO = REPOSITORY / "simulators" / "sites" / "tokyo.toml"

BAD = """
[site]
code = "TYO 1"

[[devices]]
name = "fleet"
driver = "vda5050"
[[devices]]
name = "cv1"
driver = "modbus"
[[devices]]
name = "cv1"
driver = "telepathy"
port = 0
[[devices]]
name = "gate#1"
driver = "llrp"
port = 70000
host = 5

[[robots]]
name = "R-01"
manufacturer = "ACME"
serial = "a/b"
[[robots]]
name = "R-01"
manufacturer = "ACME"
serial = "a/b"
device = "cv1"
[[robots]]
name = "R-02"

[[sorters]]
device = "cv1"
[[gates]]
name = "G"
device = "nowhere"
"""

FAULTS = [
    "site: code 'TYO 1' cannot be part of a topic: no blanks, no / + # $, not empty",
    "devices[2] cv1: has no port",
    "devices[3] cv1: the name is used twice",
    "devices[3] cv1: no driver 'telepathy'; there are " + ", ".join(DRIVERS),
    "devices[3] cv1: port must be a number from 1 to 65535, not 0",
    "devices[4] gate#1: name 'gate#1' cannot be part of a topic: no blanks, no / + # $, not empty",
    "devices[4] gate#1: host must be text",
    "devices[4] gate#1: port must be a number from 1 to 65535, not 70000",
    "robots[1] R-01: serial 'a/b' cannot be part of a topic: no blanks, no / + # $, not empty",
    "robots[2] R-01: serial 'a/b' cannot be part of a topic: no blanks, no / + # $, not empty",
    "robots[2] R-01: the name is used twice",
    "robots[2] R-01: manufacturer ACME and serial a/b are used twice",
    "robots[2] R-01: its device 'cv1' is none with driver = 'vda5050'",
    "robots[3] R-02: manufacturer is missing or not text",
    "robots[3] R-02: serial is missing or not text",
    "sorters[1]: device cv1 has driver 'telepathy', not opcua or modbus or osip",
    "gates[1]: there is no device 'nowhere'",
]


def check(site: Path) -> tuple[int, str]:
    done = CliRunner().invoke(edge, ["check", "--site", str(site)], catch_exceptions=False)
    return done.exit_code, done.output


def test_the_demo_site_is_understood():
    site = read_site(TOKYO.read_text())
    assert site.code == "TYO1"
    assert len(site.robot_device) == 30
    assert set(site.robot_device.values()) == {"fleet"}
    drivers = make_drivers(site, EdgeSettings(), SystemClock())
    assert {name: driver.name for name, driver in drivers.items()} == {n: n for n in site.devices}


def test_all_faults_are_listed_at_once():
    with pytest.raises(SiteFaults) as caught:
        read_site(BAD)
    assert list(caught.value.faults) == FAULTS


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("[site\n", "not TOML: .*line 1"),
        ("", r"site: the table \[site\] is missing"),
        ("[site]\n", "site: code is missing or not text"),
        ("devices = 5\n[site]\ncode='A'\n", r"devices: must be rows, \[\[devices\]\]"),
        ("[site]\ncode='A'\n[[devices]]\nname = 5\n", r"devices\[1\]: has no name"),
        (
            "[site]\ncode='A'\n[[robots]]\nname='R'\nmanufacturer='M'\nserial='S'\n",
            "there is no device with driver = 'vda5050'",
        ),
    ],
)
def test_files_that_are_no_site_files(text: str, fault: str):
    with pytest.raises(SiteFaults, match=fault):
        read_site(text)


def test_what_drivers_find_wrong_is_listed_too():
    devices = '[[devices]]\nname="a"\ndriver="modbus"\nport=1\n'
    devices += '[[devices]]\nname="b"\ndriver="opcua"\nport=1\nhost="192.0.2.1"\nmode="real"\n'
    site = read_site("[site]\ncode='A'\n" + devices)
    with pytest.raises(SiteFaults) as caught:
        make_drivers(site, EdgeSettings(), SystemClock())
    assert [fault.split(":")[0] for fault in caught.value.faults] == ["device a", "device b"]


def test_another_machine_is_named_as_what_it_is():
    row = '[site]\ncode="A"\n[[devices]]\nname="b"\ndriver="llrp"\nport=1\nhost="reader.site"\n'
    with pytest.raises(SiteFaults, match="say mode = 'real'"):
        read_site(row)
    with pytest.raises(SiteFaults, match="mode must be one of real, simulated, not 'maybe'"):
        read_site(row + 'mode = "maybe"\n')
    assert read_site(row + 'mode = "simulated"\n').devices["b"]["mode"] == "simulated"


def test_check_says_every_fault_with_its_line(tmp_path: Path):
    status, said = check(TOKYO)
    assert status == 0, said
    assert said.startswith("site TYO1, broker mqtt://127.0.0.1:18830\n")
    assert "30 robots" in said
    (tmp_path / "bad.toml").write_text(BAD)
    status, said = check(tmp_path / "bad.toml")
    assert status == 1
    lines = [line.strip() for line in said.splitlines()[1:]]
    for fault in FAULTS:
        assert any(line.endswith(f": {fault}") for line in lines), fault
    assert lines[0].startswith("points: ") or lines[0].startswith("line 3: site: code 'TYO 1'")
    assert "line 8: devices[2] cv1: has no port" in lines
    assert "line 14: devices[3] cv1: port must be a number from 1 to 65535, not 0" in lines
    assert "line 24: robots[1] R-01: serial 'a/b'" in said
    assert any(line.startswith("points: ") for line in lines), "site control's faults too"
    status, said = check(tmp_path / "missing.toml")
    assert status == 1
    assert "No such file" in said


def test_a_fault_of_the_plant_or_a_driver_has_its_line_too():
    good = TOKYO.read_text()
    head = "[[devices]]\nname = "
    bad = good.replace('kind = "lane"', 'kind = "lame"', 1).replace(
        head, "[[devices]]\nx = 1\nname = ", 1
    )
    (fault,) = faults_of(bad, EdgeSettings())
    number = 1 + good[: good.index('kind = "lane"')].count("\n")
    assert fault.startswith(f"line {number}: points[1].kind: ")
    scale = '[site]\ncode = "A"\n[[devices]]\nname = "s"\ndriver = "opcua"\nwrites = 5\nport = 1\n'
    assert located(scale, ["device s: ValueError: writes must be a list"]) == [
        "line 6: device s: ValueError: writes must be a list"
    ]


def test_a_key_that_is_misspelt_is_told_with_what_it_may_be():
    text = TOKYO.read_text() + '\n[[devices]]\nname="s"\ndriver="scale"\nport=1\nsilense_s=5\n'
    (fault,) = faults_of(text, EdgeSettings())
    assert fault.endswith(
        "device s: silense_s is nothing that driver scale asks for; is it silence_s?"
    )
    assert fault.startswith(f"line {len(text.splitlines())}: ")
    assert faults_of(text.replace("silense", "silence"), EdgeSettings()) == []
    assert faults_of(text.replace("silense_s", "colour"), EdgeSettings()) == []


def test_check_asks_for_certificates(tmp_path: Path):
    text, settings = TOKYO.read_text(), EdgeSettings()
    assert "soko edge ca create" in faults_of(text, settings, tmp_path)[0]
    then = SystemClock().now() - timedelta(days=100)
    pki = Authority.create(tmp_path, name="TYO1", now=then)
    for name in ("broker", "edge-TYO1", "wcs-TYO1"):
        pki.issue(name, then)
    faults = faults_of(text, settings, tmp_path)
    assert f"edge-TYO1 ended on {then + timedelta(days=90):%Y-%m-%d}" in "\n".join(faults)
    assert any(fault.startswith("wms has no certificate") for fault in faults)
    assert len(faults) == 3 + 1 + 30 + 2  # the robots, and readers that speak to the broker
