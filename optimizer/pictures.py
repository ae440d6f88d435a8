"""Plans as pictures: SVG documents of boxes, of bars on a line of time, and of routes.

    boxes   each room from above, and from the front beside it
    bars    rows of named bars from one step to another
    ways    closed lines through points, one a route
    line    one through points, to be drawn over what one likes

Colours repeat after a dozen; what a picture shows is also written into it as a title.
"""

from collections.abc import Iterable, Sequence

HUES = 12
Rectangle = tuple[float, float, float, float, int]  # x, y, width, height, which colour


def document(width: float, height: float, title: str, marks: Iterable[str]) -> str:
    """An SVG document of that size, which grows with the page."""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}">'
        f"<title>{title}</title>{''.join(marks)}</svg>"
    )


def rectangle(at: Rectangle, label: str = "") -> str:
    """A box or a bar."""
    x, y, width, height, hue = at
    text = f"<title>{label}</title>" if label else ""
    return (
        f'<rect x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" fill="{_colour(hue)}" '
        f'fill-opacity=".6" stroke="#333" vector-effect="non-scaling-stroke">{text}</rect>'
    )


def boxes(
    rooms: Sequence[
        tuple[tuple[int, int, int], Sequence[tuple[Sequence[int], Sequence[int], int]]]
    ],
    title: str,
) -> str:
    """Rooms with the corner, sides and kind of each box: from above, and from the front."""
    marks, top = [], 0.0
    wide = max((2.2 * room[0] for room, _ in rooms), default=1.0)
    for (long, deep, high), inside in rooms:
        front = 1.2 * long
        marks.append(rectangle((0, top, long, deep, -1)))
        marks.append(rectangle((front, top, long, high, -1)))
        for at, sides, kind in sorted(inside, key=lambda box: box[0][2]):
            marks.append(rectangle((at[0], top + at[1], sides[0], sides[1], kind), f"{kind}"))
        for at, sides, kind in sorted(inside, key=lambda box: -box[0][1]):
            y = top + high - at[2] - sides[2]
            marks.append(rectangle((front + at[0], y, sides[0], sides[2], kind), f"{kind}"))
        top += 1.2 * max(deep, high)
    return document(wide, top or 1.0, title, marks)


def bars(rows: Sequence[Sequence[tuple[float, float, str]]], title: str) -> str:
    """Rows of bars: from, until, and a name."""
    longest = max((until for row in rows for _, until, _ in row), default=1.0)
    height = longest / 40
    marks = [
        rectangle((start, 1.4 * height * at, until - start, height, hash_of(name)), name)
        for at, row in enumerate(rows)
        for start, until, name in row
    ]
    return document(longest, 1.4 * height * max(1, len(rows)), title, marks)


def ways(points: Sequence[tuple[float, float]], routes: Sequence[Sequence[int]], title: str) -> str:
    """Routes from the first point through others, and back."""
    x0, y0 = min(x for x, _ in points), min(y for _, y in points)
    width = max(x for x, _ in points) - x0 or 1.0
    height = max(y for _, y in points) - y0 or 1.0
    marks = []
    for number, route in enumerate(routes):
        line = " ".join(f"{points[p][0] - x0:g},{points[p][1] - y0:g}" for p in (0, *route))
        marks.append(
            f'<polygon points="{line}" fill="none" stroke="{_colour(number)}" stroke-width="2" '
            f'vector-effect="non-scaling-stroke"/>'
        )
    return document(width, height, title, marks)


def line(points: Sequence[tuple[float, float]], hue: int) -> str:
    """A line through points."""
    text = " ".join(f"{x:g},{y:g}" for x, y in points)
    return (
        f'<polyline points="{text}" fill="none" stroke="{_colour(hue)}" stroke-width="2" '
        f'vector-effect="non-scaling-stroke"/>'
    )


def hash_of(name: str) -> int:
    """A colour's number that is the same for the same name, everywhere."""
    return sum(ord(letter) * (at + 1) for at, letter in enumerate(name))


def _colour(hue: int) -> str:
    return "none" if hue < 0 else f"hsl({hue % HUES * 360 // HUES} 60% 55%)"
