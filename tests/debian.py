"""`python -m tests.debian`: what the tests need of Debian is installed, or it is said how.

Root on a Debian-like system gets the missing packages by apt-get; anybody else gets the command to
type, and those tests are skipped (SOKO_TEST_SKIP=never makes them fail instead). Done in a moment
when nothing is missing. The mosquitto package starts a broker of its own; ours bind their own ports
and a service would only be in the way, so none is left running.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

# package -> a file that it brings
PACKAGES = {
    "chromium": "/usr/bin/chromium",
    "fonts-noto-cjk": "/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc",
    "mosquitto": "/usr/sbin/mosquitto",
    "mbpoll": "/usr/bin/mbpoll",
}
NO_SERVICE = Path("/usr/sbin/policy-rc.d")  # Debian asks it whether a service may start


def missing() -> list[str]:
    """The packages that are not installed."""
    return [name for name, file in PACKAGES.items() if not Path(file).exists()]


def command(packages: Iterable[str]) -> str:
    """What to type to get them."""
    return f"sudo apt-get install -y --no-install-recommends {' '.join(packages)}"


def install(packages: list[str]) -> bool:
    """Install them without starting any service; whether it worked."""
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    apt = ["apt-get", "-q", "-o", "DPkg::Lock::Timeout=120"]
    ours = not NO_SERVICE.exists()
    if ours:
        NO_SERVICE.write_text("#!/bin/sh\nexit 101\n", encoding="ascii")
        NO_SERVICE.chmod(0o755)
    try:
        for arguments in (["update"], ["install", "-y", "--no-install-recommends", *packages]):
            done = subprocess.run(
                [*apt, *arguments], env=environment, capture_output=True, text=True, check=False
            )
            if done.returncode:
                sys.stderr.write(done.stdout[-2000:] + done.stderr[-2000:])
                return False
    finally:
        if ours:
            NO_SERVICE.unlink(missing_ok=True)
    return True


def main() -> None:
    """Install or tell."""
    packages = missing()
    if not packages:
        return
    if os.name == "posix" and os.geteuid() == 0 and shutil.which("apt-get"):
        sys.stderr.write(f"installing for the tests: {' '.join(packages)}\n")
        if install(packages):
            return
    sys.stderr.write(
        f"Not installed, so their tests are skipped: {' '.join(packages)}\n"
        f"To run them all: {command(packages)}\n"
    )


if __name__ == "__main__":
    main()
