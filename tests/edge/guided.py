"""Frames damaged where it tells: what reaches new code of a reader is kept and damaged further.

    python -m tests.edge.guided PROTOCOL|all FOLDER [-runs=20000] [-seed=1] [-max_total_time=60] ...

atheris watches which lines of `edge` a frame reaches; options are libFuzzer's. It begins with right
frames (tests/edge/test_fuzz.py has the protocols). It ends with another status than 0 at a frame
that raises what its protocol never raises, takes too long or too much memory; that frame is left in
FOLDER.
"""

import sys
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["edge"]):
    from tests.edge.test_fuzz import PROTOCOLS, Protocol


def read(protocol: Protocol, frame: bytes) -> None:
    """Read a frame that may be damaged."""
    try:
        protocol.read(frame)
    except protocol.refuses:
        return


def main(name: str, folder: Path, options: list[str]) -> None:
    """Read damaged frames until the options say that it is enough. Does not return."""
    protocols = list(PROTOCOLS.values()) if name == "all" else [PROTOCOLS[name]]
    corpus = folder / "corpus"
    corpus.mkdir()
    for number, protocol in enumerate(protocols):
        for at, frame in enumerate(protocol.frames()):
            (corpus / f"{number}-{at}").write_bytes(bytes([number]) + frame)

    def one(data: bytes) -> None:
        if data:
            read(protocols[data[0] % len(protocols)], data[1:])

    atheris.Setup([sys.argv[0], str(corpus), f"-artifact_prefix={folder}/", *options], one)
    atheris.Fuzz()


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), sys.argv[3:])
