"""What the compiled parts of installed libraries say: texts in torch's C++ and in the Rust core of tokenizers.

    python -m tools.compiled LIBRARY WORDS     every text of the compiled files that has these words

`data/catalogue/compiled.jsonl` lists those that belong to a case, `{}` for what is filled in; a test finds their pieces
in the installed files. Of torch this is the build for a CPU: what only a build for a GPU says is not in it.
"""

import argparse
import mmap
import re
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

from helpers import DATA

MESSAGES = DATA / "catalogue" / "compiled.jsonl"
LIBRARIES = ("torch", "tokenizers")
HOLE = "{}"
SHORT = 8  # letters of a piece between holes; a shorter one is anywhere
AROUND = 200  # characters before and after that are shown
UNPRINTED = re.compile(rb"[^\x20-\x7e]")


def files(library: str) -> list[Path]:
    """The shared objects of an installed library, the largest first."""
    found = [Path(file.locate()) for file in metadata.files(library) or () if str(file).endswith(".so")]
    return sorted((path for path in found if path.exists()), key=lambda path: -path.stat().st_size)


def pieces(message: str) -> list[bytes]:
    """The texts between a message's holes that are long enough to be looked for."""
    return [piece.strip().encode() for piece in message.split(HOLE) if len(piece.strip()) >= SHORT]


def missing(library: str, texts: list[bytes]) -> list[bytes]:
    """Those texts that stand in no compiled file of the library."""
    left = list(dict.fromkeys(texts))
    for path in files(library):
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            left = [text for text in left if content.find(text) < 0]
        if not left:
            break
    return left


def texts(library: str, words: str) -> Iterator[str]:
    """The printable text around each place where the words stand."""
    for path in files(library):
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            at = content.find(words.encode())
            while at >= 0:
                before, after = content[max(0, at - AROUND) : at], content[at : at + AROUND]
                yield (UNPRINTED.split(before)[-1] + UNPRINTED.split(after)[0]).decode()
                at = content.find(words.encode(), at + 1)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("library", choices=LIBRARIES)
    parser.add_argument("words", help="as the source has them: capitals and quotes count")
    options = parser.parse_args()
    print("\n".join(dict.fromkeys(texts(options.library, options.words))))


if __name__ == "__main__":
    main()
