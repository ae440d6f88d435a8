"""`soko sbom`: what this installation is made of, as CycloneDX 1.6: names, versions, licences.

Read from what is installed, so it tells of this machine and of nobody's wish: every package that
Soko needs, and what those need. `--lock` gives the same as lines for `pip install
--require-hashes`, with the hashes of the archives in a folder that `pip download` has filled;
`--extra` names the extras that are meant, all without.

Source: CycloneDX 1.6 JSON; PEP 503 (names), PEP 508 (markers), pip's requirements files.
"""

import json
import re
from collections.abc import Iterable, Iterator
from hashlib import sha256
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path
from typing import Annotated, Any
from uuid import NAMESPACE_URL, uuid5

import typer

ROOT = "soko"
_EXTRAS = "Provides-Extra"
_WORD = re.compile(r"^([A-Za-z0-9._-]+) *(?:\[([^\]]*)\])?")
_EXTRA = re.compile(r"extra *== *['\"]([^'\"]+)")


def sbom(
    *,
    lock: Annotated[
        Path | None, typer.Option(help="A folder with the archives: print a lock of hashes.")
    ] = None,
    extra: Annotated[
        list[str] | None, typer.Option(help="With this extra (again for more); all without.")
    ] = None,
) -> None:
    """What this is made of: CycloneDX, or a lock file with hashes."""
    if lock is None:
        typer.echo(json.dumps(bill(), indent=1, sort_keys=True))
        return
    for line in locked(lock, extra):
        typer.echo(line)


def bill() -> dict[str, Any]:
    """The bill of materials; the same installation gives the same."""
    made = dict(sorted(parts().items()))
    own = made.pop(ROOT)
    rows = [_component(name, each) for name, each in made.items()]
    needs = [
        {"ref": _ref(name, each), "dependsOn": sorted(_ref(n, made[n]) for n in _needs(each, made))}
        for name, each in {ROOT: own, **made}.items()
    ]
    serial = uuid5(NAMESPACE_URL, json.dumps([row["purl"] for row in rows]))
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{serial}",
        "version": 1,
        "metadata": {"component": _component(ROOT, own) | {"type": "application"}},
        "components": rows,
        "dependencies": needs,
    }


def parts(extras: Iterable[str] | None = None) -> dict[str, Distribution]:
    """Soko and what it needs of what is installed, by plain names; with all extras, or some."""
    found: dict[str, Distribution] = {}
    seen: set[tuple[str, str]] = set()
    known = distribution(ROOT).metadata.get_all(_EXTRAS) or ()
    waiting = [(ROOT, extra) for extra in ("", *(known if extras is None else extras))]
    while waiting:
        name, extra = waiting.pop()
        if (name, extra) in seen:
            continue
        seen.add((name, extra))
        try:
            found[name] = distribution(name)
        except PackageNotFoundError:
            continue  # for another system, or an extra that nobody wanted
        waiting += _named(found[name], extra)
    return found


def locked(folder: Path, extras: Iterable[str] | None = None) -> Iterator[str]:
    """Lines `name==version --hash=sha256:…` for all but ourselves, each archive's hash.

    Raises:
        FileNotFoundError: an archive is missing.
    """
    archives: dict[tuple[str, str], list[str]] = {}
    for path in sorted(folder.iterdir()):
        words = path.name.removesuffix(".tar.gz").split("-")
        if path.suffix in {".whl", ".gz"}:
            digest = sha256(path.read_bytes()).hexdigest()
            archives.setdefault((_plain(words[0]), words[1]), []).append(digest)
    for name, each in sorted(parts(extras).items()):
        if name == ROOT:
            continue
        hashes = archives.get((name, each.version))
        if not hashes:
            raise FileNotFoundError(f"{folder} has no archive of {name} {each.version}")
        yield " \\\n    ".join([f"{name}=={each.version}", *(f"--hash=sha256:{h}" for h in hashes)])


def _named(each: Distribution, extra: str) -> Iterator[tuple[str, str]]:
    """What it needs, for that extra of it or ("") without any; each with the extras of that."""
    for text in each.requires or ():
        only = _EXTRA.search(text)
        word = _WORD.match(text)
        if word is not None and (only[1] if only else "") == extra:
            yield _plain(word[1]), ""
            for more in filter(None, (word[2] or "").replace(" ", "").split(",")):
                yield _plain(word[1]), more


def _needs(each: Distribution, made: dict[str, Distribution]) -> set[str]:
    return {name for name, _ in _named(each, "") if name in made}


def _component(name: str, each: Distribution) -> dict[str, Any]:
    facts = each.metadata
    said = "".join((facts.get_all("License-Expression") or facts.get_all("License") or [""])[:1])
    classed = [row.split(" :: ")[-1] for row in facts.get_all("Classifier") or ()
               if row.startswith("License :: ")]  # fmt: skip
    licence = said.splitlines()[0][:100] if said.strip() else ", ".join(classed)
    row: dict[str, Any] = {
        "type": "library",
        "bom-ref": _ref(name, each),
        "name": name,
        "version": each.version,
        "purl": _ref(name, each),
    }
    if licence:
        row["licenses"] = [{"license": {"name": licence}}]
    return row


def _ref(name: str, each: Distribution) -> str:
    return f"pkg:pypi/{name}@{each.version}"


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
