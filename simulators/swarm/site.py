"""The site of the swarm: streets of 4 by 4 points, one way each; two robots, one with slots."""

from collections.abc import Sequence
from functools import cache

from simulators.swarm.plan import ROBOTS
from wcs.plant import Plant, read_plant

SIDE = 4
SHELVES = ("1-1", "2-2", "2-1", "1-2")
STATION_NODE = "0-3"


def site_text(lanes: Sequence[str] = ("L1",)) -> str:
    """Streets of 4 by 4 points, one way each; a station, a sorter, a gate, two robots."""
    text = '[site]\ncode = "T1"\nlook_ahead_m = 8.0\nsilent_s = 600.0\nlost_s = 86400.0\n'
    for x in range(SIDE):
        for y in range(SIDE):
            name = f"{x}-{y}"
            kind = 'kind = "storage"\nlevels = 1\n' if name in SHELVES else ""
            text += f'[[points]]\nname = "{name}"\nx_m = {2.0 * x}\ny_m = {2.0 * y}\n{kind}'
    for n in range(SIDE):
        for m in range(SIDE - 1):
            across = (f"{m}-{n}", f"{m + 1}-{n}")
            along = (f"{n}-{m}", f"{n}-{m + 1}")
            for ends, ahead in ((across, n % 2), (along, not n % 2)):
                start, end = ends if ahead else ends[::-1]
                text += f'[[paths]]\nfrom = "{start}"\nto = "{end}"\n'
    text += f'[[stations]]\nname = "ST-1"\npoint = "{STATION_NODE}"\ncapacity = 4\n'
    for n, name in enumerate(ROBOTS):
        text += f'[[robots]]\nname = "{name}"\nmanufacturer = "m"\nserial = "{name}"\n'
        text += f'start = "{3 - n}-0"\nslots = {1 + 2 * n}\n'
    text += '[[conveyors]]\ndevice = "cv1"\npoint = "INDUCT"\nto = "sorter1"\n'
    text += '[[sorters]]\ndevice = "sorter1"\nlanes = ['
    text += ", ".join(f'"{lane}"' for lane in lanes) + ']\nhospital = "HOSP"\n'
    text += '[[gates]]\nname = "OUT"\ndevice = "rfid"\ninside = [1]\noutside = [2]\n'
    for name, driver in (("cv1", "modbus"), ("sorter1", "opcua"), ("rfid", "llrp")):
        text += f'[[devices]]\nname = "{name}"\ndriver = "{driver}"\n'
    return text


SITE = site_text()


@cache
def plant_of(site: str) -> Plant:
    """A site as the WCS sees it: read once, for nobody changes it."""
    return read_plant(site)
