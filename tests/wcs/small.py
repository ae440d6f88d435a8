"""Small plants for the tests, written as people would draw them."""

from wcs.plant import Plant, read_plant

HEAD = '[site]\ncode = "T1"\nlook_ahead_m = 8.0\n'


def plant_of(
    points: dict[str, tuple[float, float]],
    paths: list[str],
    *,
    kinds: dict[str, str] | None = None,
    robots: dict[str, str] | None = None,
    more: str = "",
    lanes: bool = False,
) -> Plant:
    """Paths are written "a>b" (one way), "a=b" (two way), "a>b!" (backwards in need)."""
    text = HEAD + ("lanes = true\n" if lanes else "")
    for name, (x_m, y_m) in points.items():
        kind = (kinds or {}).get(name, "lane")
        text += f'[[points]]\nname = "{name}"\nx_m = {x_m}\ny_m = {y_m}\nkind = "{kind}"\n'
        text += "levels = 3\n" if kind == "storage" else ""
    for path in paths:
        start, _, end = path.rstrip("!").replace("=", ">").partition(">")
        text += f'[[paths]]\nfrom = "{start}"\nto = "{end}"\n'
        text += "two_way = true\n" if "=" in path else ""
        text += "contraflow = true\n" if path.endswith("!") else ""
    for name, start in (robots or {}).items():
        text += f'[[robots]]\nname = "{name}"\nmanufacturer = "m"\nserial = "{name}"\n'
        text += f'start = "{start}"\n'
    return read_plant(text + more)


def grid(width: int, height: int, robots: dict[str, str] | None = None) -> Plant:
    """One-way streets by turns, round the outside clockwise; points "x,y" 2 m apart.

    Width and height are even, so that the outside goes round.
    """
    points = {f"{x},{y}": (2.0 * x, 2.0 * y) for x in range(width) for y in range(height)}
    paths = []
    for y in range(height):
        for x in range(width - 1):
            ends = (f"{x},{y}", f"{x + 1},{y}")
            paths.append(">".join(ends if y % 2 else ends[::-1]))
    for x in range(width):
        for y in range(height - 1):
            ends = (f"{x},{y}", f"{x},{y + 1}")
            paths.append(">".join(ends if x % 2 == 0 else ends[::-1]))
    return plant_of(points, paths, robots=robots)


def square(**more: object) -> Plant:
    """a > b > c > d > a, 4 m apart, with a side point p beside c, two ways."""
    points = {"a": (0.0, 0.0), "b": (4.0, 0.0), "c": (4.0, 4.0), "d": (0.0, 4.0), "p": (8.0, 4.0)}
    return plant_of(points, ["a>b", "b>c", "c>d", "d>a", "c=p"], **more)  # type: ignore[arg-type]
