"""The words of the desks: both languages say the same, every key is used, every fault has words."""

import json
import re

from tests.web.browser import ROOT
from wms.masters.kinds import KINDS

WORDS = {
    name: json.loads((ROOT / f"locales/desk.{name}.json").read_text("utf-8"))
    for name in ("en", "ja")
}
MAIN = json.loads((ROOT / "locales/en.json").read_text("utf-8"))
SOURCES = "".join(
    path.read_text("utf-8")
    for folder in ("masters", "floor", "billing", "core", "control", "admin", "planner")
    for path in (ROOT / "web/src" / folder).glob("*.ts*")
)
FAULTS = re.compile(
    r'(?:BadCell\(|UnreadableFile\(|fault\(row, "\w+", |_fault\([^)]*?, |code=)"([a-z_]+)"'
)
ALARMS = re.compile(r'f?"(robot|safety|fleet|portal|mfc|sorter)\.([a-z_]+)/')
OTHERS = {"lot", "condition", "", "cp932"}


def test_both_languages_say_the_same_things():
    assert WORDS["en"].keys() == WORDS["ja"].keys()
    assert WORDS["en"].keys().isdisjoint(MAIN.keys())
    for key, english in WORDS["en"].items():
        japanese = WORDS["ja"][key]
        assert english.strip(), key
        assert japanese.strip(), key
        gaps = [sorted(re.findall(r"\{\w+\}", each)) for each in (english, japanese)]
        assert gaps[0] == gaps[1], key


def test_every_key_is_used():
    by_code = set(re.findall(r'(?:word|maybeWord)\(\s*"(\w+)"', SOURCES)) | {"mix", "temperature"}
    unused = [
        key for key in WORDS["en"] if f'"{key}"' not in SOURCES and key.split(".")[0] not in by_code
    ]
    assert unused == []


def test_every_alarm_of_a_site_has_words_and_says_what_to_do():
    sources = "".join(path.read_text("utf-8") for path in (ROOT / "wcs").glob("*.py"))
    codes = {f"{area}.{what}" for area, what in ALARMS.findall(sources)}
    codes |= {f"mfc.{status}" for status in ("jam", "stopped", "full", "lost")}
    assert {"safety.stopped", "robot.stranded", "sorter.jam"} <= codes
    assert {code for code in codes if f"alarm.{code}" not in MAIN} == set()
    of_machines = {code for code in codes if code.startswith(("mfc.", "sorter."))}
    assert {code for code in of_machines if f"alarm_do.{code}" not in MAIN} == set()


def test_every_fault_of_a_file_and_every_kind_has_words():
    sources = [path.read_text("utf-8") for path in (ROOT / "wms/masters").glob("*.py")]
    codes = {code for each in sources for code in FAULTS.findall(each)} - OTHERS
    assert len(codes) > 40
    assert {code for code in codes if f"fault.{code}" not in WORDS["en"]} == set()
    assert {kind for kind in KINDS if f"master_kind.{kind}" not in WORDS["en"]} == set()
