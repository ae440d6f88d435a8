"""The robots of a site in a process of their own, to be killed: site.json url clock folder."""

import asyncio
import json
import sys
from pathlib import Path

from edge.clock import ScaledClock
from simulators.live_robots import run_robots


def main() -> None:
    """Play the robots until somebody ends it."""
    site, url, clock, folder = sys.argv[1:]
    asyncio.run(
        run_robots(
            json.loads(Path(site).read_text()),
            url,
            clock=ScaledClock(Path(clock)),
            state_dir=Path(folder),
            seed=3,
        )
    )


if __name__ == "__main__":
    main()
