"""What the handheld needs is asked for with the page, not one after the other."""

import json
from pathlib import Path

PAGE = "src/handheld/page.tsx"


def test_the_page_names_all_that_the_handheld_needs_to_begin(built_screens: Path):
    parts = json.loads((built_screens / "assets.json").read_text("utf-8"))
    words = [part for name, part in parts.items() if ".json?words=h," in name]
    assert len(words) == 2
    wanted = [parts[PAGE], *(parts[name] for name in parts[PAGE]["imports"]), *words]
    files = {file for part in wanted for file in (part["file"], *part.get("css", ()))}
    html = (built_screens / "index.html").read_text("utf-8")
    assert {file for file in files if file not in html} == set()
