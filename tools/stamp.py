"""Stamp the course's address: into pyproject.toml, the one place, and from there into every notebook.

python -m tools.stamp URL     write this address (a git URL, or a path for a trial)
python -m tools.stamp         write the address of this clone's remote `origin`; also after adding a notebook
python -m tools.stamp --clear take the address out
"""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

from helpers import NOTEBOOKS, ROOT
from helpers.errors import InputError

PYPROJECT = ROOT / "pyproject.toml"
BADGE = "[![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)]"

_FETCHING = """\
import importlib.util, sys
if not importlib.util.find_spec("helpers"):  # Colab: fetch the course beside it, once
    !test -d lora-course || git clone -q --depth=1 {url} lora-course
    sys.path.insert(0, "lora-course")
from helpers.notebook import setup; setup()"""
_WITHOUT_ADDRESS = """\
import importlib.util
if not importlib.util.find_spec("helpers"):  # Colab, or this notebook alone
    raise ImportError("no course here: open this in an installed clone, see its README")
from helpers.notebook import setup; setup()"""


def setup_cell(url: str) -> str:
    """The source of the first code cell of every notebook, at most five lines; `url` empty: no address yet."""
    return _FETCHING.format(url=url) if url else _WITHOUT_ADDRESS


def badge(url: str, notebook: str) -> str:
    """The Markdown line that opens `notebook` (a file name) in Colab; empty unless `url` is on GitHub."""
    found = re.fullmatch(r"https://github\.com/([\w.-]+)/([\w.-]+?)(?:\.git)?/?", url)
    if not found:
        return ""
    place = f"github/{found[1]}/{found[2]}/blob/main/notebooks/{notebook}"
    return f"{BADGE}(https://colab.research.google.com/{place})"


def address(pyproject: Path = PYPROJECT) -> str:
    """The course's address, empty before the first stamp."""
    return tomllib.loads(pyproject.read_text(encoding="utf-8"))["tool"]["course"]["url"]


def origin(root: Path = ROOT) -> str:
    """The address of the remote `origin` of the clone at `root`, as anybody can fetch it: https, without a user.

    InputError when there is none, or when it is a path of this machine.
    """
    command = ["git", "-C", str(root), "remote", "get-url", "origin"]
    try:
        found = subprocess.run(command, capture_output=True, text=True)
    except FileNotFoundError:
        raise InputError("git is not installed: say which address to write, make stamp URL=...") from None
    url = found.stdout.strip()
    if not url:
        raise InputError(f"{root} has no remote called origin: say which address to write, make stamp URL=...")
    url = re.sub(r"^(?:ssh://)?git@([\w.-]+)[:/](?=\D)", r"https://\1/", url)
    if not re.match(r"(?!file:)[a-z]+://", url):
        raise InputError(
            f"origin is {url}, which nobody else can fetch: say which address to write, make stamp URL=..."
        )
    return re.sub(r"^(https?://)[^/@]*@", r"\1", url)


def stamp(url: str, notebooks: Path = NOTEBOOKS, pyproject: Path = PYPROJECT) -> list[Path]:
    """Write `url` into `pyproject` and all notebooks; returns the files that changed. Twice is the same as once.

    Raises InputError for an address that could not stand in a shell command or would publish a password, and for a
    notebook without a cell tagged `setup`; then nothing is written.
    """
    import nbformat

    if url and not re.fullmatch(r"[A-Za-z0-9_./~][A-Za-z0-9_./~:@%+-]*", url):
        raise InputError(f"{url!r} is no git address: letters, digits and . _ / ~ : @ % + - only")
    if re.search(r"^https?://[^/]*@|://[^/]*:[^/]*@", url):
        raise InputError("the address holds a name or password, which every notebook would publish: leave it out")
    text = pyproject.read_text(encoding="utf-8")
    new = {pyproject: re.sub(r"(?m)^(\[tool\.course\]\nurl = ).*$", lambda found: f'{found[1]}"{url}"', text)}
    old = {pyproject: text}
    for path in sorted(notebooks.glob("*.ipynb")):
        old[path] = path.read_text(encoding="utf-8")
        notebook = nbformat.reads(old[path], as_version=nbformat.NO_CONVERT)
        _stamp_cells(notebook.cells, url, path.name)
        unchanged = notebook == nbformat.reads(old[path], as_version=nbformat.NO_CONVERT)
        new[path] = old[path] if unchanged else nbformat.writes(notebook, version=nbformat.NO_CONVERT) + "\n"
    changed = [path for path in new if new[path] != old[path]]
    for path in changed:
        path.write_text(new[path], encoding="utf-8")
    return changed


def _stamp_cells(cells: list, url: str, name: str) -> None:
    setup = next((cell for cell in cells if "setup" in cell.metadata.get("tags", [])), None)
    if setup is None or not cells or cells[0].cell_type != "markdown":
        raise InputError(f"{name}: needs a Markdown title as first cell and one code cell tagged `setup`")
    setup.source = setup_cell(url)
    title, *rest = cells[0].source.split("\n")
    if rest and rest[0] == "" and len(rest) > 1 and rest[1].startswith(BADGE):
        rest = rest[2:]
    line = badge(url, name)
    cells[0].source = "\n".join([title, *(["", line] if line else []), *rest])


def main(arguments: list[str]) -> int:
    """The command; returns the exit code: 0 done, 2 when an address is wanted or will not do, or a notebook."""
    try:
        url = origin() if not arguments else "" if arguments[0] == "--clear" else arguments[0]
        changed = stamp(url)
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(f"address: {url or 'none'}; {len(changed)} files changed")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
