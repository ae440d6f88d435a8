"""Every route of the application, as it is asked for: what tests of all doors go through."""

from collections.abc import Iterator
from typing import Any


def routes(app: Any) -> Iterator[tuple[str, frozenset[str]]]:
    """Path and methods of each; of routers within routers, too."""
    for route in app.routes:
        contexts = getattr(route, "effective_route_contexts", None)
        for each in contexts() if contexts is not None else [route]:
            if getattr(each, "path", None) is not None:
                yield each.path, frozenset(each.methods or ()) - {"HEAD", "OPTIONS"}
