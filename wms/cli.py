"""`soko`: the one command, root of all others.

Sub-commands are found by name in the entry-point group `soko.commands` and imported only when
they are called, so that `soko --version` and the help stay quick and no package imports one above
it. An entry point names a Typer application or a function.
"""

import ast
import gc
import importlib.metadata
import importlib.util
import os
import sys
from collections.abc import Sequence
from pathlib import Path

GROUP = "soko.commands"
_DISTRIBUTION = "soko"


def main(argv: Sequence[str] | None = None) -> None:
    """Run one sub-command; exit with its status."""
    words = list(sys.argv[1:] if argv is None else argv)
    if not words or words[0] in {"-h", "--help", "help"}:
        sys.stdout.write(_help())
        return
    if words[0] in {"-V", "--version", "version"}:
        sys.stdout.write(f"soko {importlib.metadata.version(_DISTRIBUTION)}\n")
        return
    known = commands()
    name, rest = words[0], words[1:]
    if name not in known:
        sys.exit(f"soko: there is no command {name!r}\n\n{_help()}")
    _run(known[name], rest)


def commands() -> dict[str, importlib.metadata.EntryPoint]:
    """The sub-commands by name."""
    return {point.name: point for point in importlib.metadata.entry_points(group=GROUP)}


def _run(point: importlib.metadata.EntryPoint, words: list[str]) -> None:
    import typer

    from edge.ports import PortInUse
    from edge.process import ChildFailed
    from wms.errors import WmsError

    gc.disable()  # what is imported stays: to look for garbage in it takes a fourth of the start
    command = point.load()
    gc.enable()
    if not isinstance(command, typer.Typer):
        application = typer.Typer()
        application.command(name=point.name)(command)
        command = application
    try:
        command(args=words, prog_name=f"soko {point.name}")
    except (WmsError, ChildFailed, PortInUse) as error:
        if os.environ.get("SOKO_DEBUG"):
            raise
        sys.exit(f"soko {point.name}: {error}")


def _help() -> str:
    lines = ["soko: stock, orders and machines of a network of warehouses and stores", ""]
    lines += ["Usage: soko COMMAND [OPTIONS]", "       soko COMMAND --help", "", "Commands:"]
    for name, point in sorted(commands().items()):
        lines.append(f"  {name:<10} {_says(point)}".rstrip())
    return "\n".join([*lines, "", "       soko --version", ""])


def _says(point: importlib.metadata.EntryPoint) -> str:
    """What a command says of itself, read without importing it: its docstring or its help."""
    spec = importlib.util.find_spec(point.module.partition(".")[0])
    if spec is None or not spec.submodule_search_locations:
        return ""
    path = Path(spec.submodule_search_locations[0], *point.module.split(".")[1:])
    try:
        module = ast.parse(path.with_suffix(".py").read_text(encoding="utf-8"))
    except (OSError, SyntaxError):
        return ""
    for node in module.body:
        if isinstance(node, ast.FunctionDef) and node.name == point.attr:
            return (ast.get_docstring(node) or "").partition("\n")[0]
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call):
            names = [target.id for target in node.targets if isinstance(target, ast.Name)]
            helps = [key.value for key in node.value.keywords if key.arg == "help"]
            if point.attr in names and helps and isinstance(helps[0], ast.Constant):
                return str(helps[0].value)
    return ""


if __name__ == "__main__":
    main()
