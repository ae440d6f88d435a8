"""A plant as a picture (SVG): its points, paths and lanes, and a mark at every finding.

Maps are drawn one below the other. What is one way has an arrow; kinds of points differ in shape
as well as in colour. A fault marks the points that it names; its whole text is the mark's title
and stands below the picture, with the same number.
"""

from collections.abc import Iterable, Sequence
from html import escape

from wcs.layout.check import Finding
from wcs.sitefile import Point, SiteFile

_SCALE, _MARGIN, _LINE = 14.0, 40.0, 18.0
_STYLE = (
    "text{font:11px sans-serif;fill:#222}.path{stroke:#8894a5;stroke-width:1.5;fill:none}"
    ".lane{fill:#5b6b80}.storage{fill:#c79a3a}.station{fill:#2f6fb5}.park{fill:#7d8b99}"
    ".charge{fill:#2e8b57}.mark{fill:none;stroke:#b3261e;stroke-width:2}.number{fill:#b3261e}"
)


def faults_found(file: SiteFile, faults: Iterable[str]) -> tuple[Finding, ...]:
    """Faults as findings: they lie at the points that they name."""
    names = {point.name for point in file.points}
    found = []
    for fault in faults:
        words = fault.replace(",", " ").replace(":", " ").split()
        found.append(Finding(fault, tuple(dict.fromkeys(w for w in words if w in names))))
    return tuple(found)


def draw(file: SiteFile, found: Sequence[Finding]) -> str:
    """The picture, as the text of an SVG file."""
    place = _places(file)
    width = max((x for x, _ in place.values()), default=0.0) + 2 * _MARGIN
    below = max((y for _, y in place.values()), default=0.0) + 2 * _MARGIN
    body = [*_paths(file, place), *_points(file, place)]
    for number, finding in enumerate(found, 1):
        title = f"<title>{escape(finding.text)}</title>"
        for name in finding.points:
            x, y = place[name]
            body.append(f'<circle class="mark" cx="{x:.1f}" cy="{y:.1f}" r="9">{title}</circle>')
        if finding.points:
            x, y = place[finding.points[0]]
            body.append(f'<text class="number" x="{x + 10:.1f}" y="{y - 8:.1f}">{number}</text>')
        at = below + number * _LINE
        body.append(f'<text x="{_MARGIN}" y="{at:.1f}">{number} · {escape(finding.text)}</text>')
    height = below + (len(found) + 1) * _LINE
    width = max(width, 900.0 if found else 0.0)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}">'
        f"<style>{_STYLE}</style>"
        '<defs><marker id="a" viewBox="0 0 6 6" refX="6" refY="3" markerWidth="5" '
        'markerHeight="5" orient="auto"><path d="M0 0L6 3L0 6z" fill="#8894a5"/></marker></defs>'
        f'<rect width="100%" height="100%" fill="#fff"/>{"".join(body)}</svg>\n'
    )


def _places(file: SiteFile) -> dict[str, tuple[float, float]]:
    """Where each point is drawn: north is up, and maps lie one below the other."""
    place: dict[str, tuple[float, float]] = {}
    down = _MARGIN
    for name in dict.fromkeys(point.map for point in file.points):
        here = [point for point in file.points if point.map == name]
        left, top = min(point.x_m for point in here), max(point.y_m for point in here)
        for point in here:
            x, y = (point.x_m - left) * _SCALE + _MARGIN, (top - point.y_m) * _SCALE + down
            place[point.name] = (x, y)
        down += (top - min(point.y_m for point in here)) * _SCALE + 2 * _MARGIN
    return place


def _paths(file: SiteFile, place: dict[str, tuple[float, float]]) -> Iterable[str]:
    for path in file.paths:
        (x1, y1), (x2, y2) = place[path["from"]], place[path["to"]]
        arrow = "" if path.get("two_way") else ' marker-end="url(#a)"'
        far = max(abs(x2 - x1), abs(y2 - y1), 1.0)
        x2, y2 = x2 - (x2 - x1) * 5 / far, y2 - (y2 - y1) * 5 / far
        yield f'<path class="path"{arrow} d="M{x1:.1f} {y1:.1f}L{x2:.1f} {y2:.1f}"/>'


def _points(file: SiteFile, place: dict[str, tuple[float, float]]) -> Iterable[str]:
    for point in file.points:
        title = f"<title>{escape(point.name)} ({point.kind})</title>"
        yield _shape(point, *place[point.name]).replace("/>", f">{title}", 1)


def _shape(point: Point, x: float, y: float) -> str:
    if point.kind == "lane":
        return f'<circle class="lane" cx="{x:.1f}" cy="{y:.1f}" r="2.5"/></circle>'
    if point.kind == "charge":
        corners = f"{x:.1f},{y - 6:.1f} {x + 6:.1f},{y:.1f} {x:.1f},{y + 6:.1f} {x - 6:.1f},{y:.1f}"
        return f'<polygon class="charge" points="{corners}"/></polygon>'
    half = 6 if point.kind == "station" else 4
    box = f'x="{x - half:.1f}" y="{y - half:.1f}" width="{2 * half}" height="{2 * half}"'
    return f'<rect class="{point.kind}" {box}/></rect>'
