"""Execute the notebooks and store them normalised, so that a second run changes nothing but what was measured.

`python -m tools.execute [NAME ...]` (names as 04, 04_training or a path; none means all). A notebook is written
only if every cell ran, nothing went to stderr, and no machine path or secret would be stored. What was refused lies
under build/notebooks/ to look at. The seconds of each notebook go to build/notebook_seconds.json.
"""

import json
import re
import sys
import time
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Annotated

import nbformat
import typer

from helpers import BUILD, NOTEBOOKS, ROOT
from helpers.errors import InputError
from helpers.files import save_json, save_text
from helpers.reproduce import ANSI, KEPT_METADATA, KERNELSPEC

SECONDS = BUILD / "notebook_seconds.json"
KEPT_CELL_METADATA = ("tags", "jupyter", KEPT_METADATA)
WIDGET_MIME = "application/vnd.jupyter.widget-view+json"

# A path of the machine that ran the notebook; the lookbehind leaves web addresses alone, and relative paths that do not
# climb to the root.
MACHINE_PATH = re.compile(
    r"(?:(?<![\w./:-])|file://|\.\.)/(?:root|home|work|tmp|Users|mnt|private|content|var/folders)/[\w.~-]+"
    r"|(?<![\w./:-])/[\w./~-]*/(?:site-packages|lib/python3)[\w./-]*"
    r"|\b[A-Za-z]:\\+Users\\+\w+"
)
SECRET = re.compile(
    r"\b(?:hf|sk|gh[opsu]|github_pat|glpat|pypi|xox[abp])[_-][A-Za-z0-9_-]{20,}|\bAIza[\w-]{35}"
    r"|-----BEGIN [A-Z ]*PRIVATE|\beyJ[\w-]{10,}\.eyJ[\w-]{10,}\.|\b[Bb]earer [\w.-]{20,}"
    r"|\bAKIA[0-9A-Z]{16}\b|https?://[^\s/:@]+:[^\s/@]+@"
    r"|(?i:\b(?:token|password|api_?key|secret)[\"']?\s*[=:]\s*[\"']?(?=[\w-]*\d)[A-Za-z0-9-]{20,})"
)
# The two places that a traceback's frames come from: installed packages or Python itself, and this repository.
LIBRARY_PREFIX = re.compile(
    r"(?:~|/|[A-Za-z]:\\)[^\s:'\"\x1b]*?(?:lib/python3[.\d]*[\\/](?:site|dist)-packages|"
    r"[\\/]Lib[\\/]site-packages|site-packages|lib/python3[.\d]*|[\\/]Lib)[\\/]"
)
ROOT_NAMES = {str(ROOT), str(ROOT).replace(str(Path.home()), "~")}
REPOSITORY_PREFIX = re.compile("(?:" + "|".join(map(re.escape, sorted(ROOT_NAMES))) + r")[\\/]")
# A temporary directory of helpers.notebook or tempfile, with all above it. tests/nbval_sanitize.cfg has the same line.
TEMPORARY = re.compile(r"(?:[A-Za-z]:)?(?:~|[\\/])[\w.~\\/-]*?[\\/](?:scratch-|tmp)[a-z0-9_]{8}(?![\w-])")
FRAME = re.compile(r"\s*(?:File |Cell In)")
# A cell's frame, or one of a file that belongs to no package and not to this repository: the learner's own.
OWN_FRAME = re.compile(r"\s*(?:Cell In|File (?:TEMP|[~/]|[A-Za-z]:\\))")
SHOWN_FRAMES = 2  # stored at each end of a long row of frames: who called, and where it broke
CHAINED = re.compile(r"\s*(?:The above exception was the direct cause|During handling of the above exception)")


def stored_texts(notebook: nbformat.NotebookNode) -> Iterator[tuple[str, str]]:
    """Each text that the notebook stores, as (where, text): sources, outputs, metadata. Pictures are left out."""
    yield "notebook metadata", json.dumps(notebook.metadata)
    for number, cell in enumerate(notebook.cells):
        yield f"cell {number} source", cell.source
        yield f"cell {number} metadata", json.dumps(cell.metadata)
        for output in cell.get("outputs", []):
            yield f"cell {number} output", "\n".join([output.get("text", ""), *output.get("traceback", [])])
            yield f"cell {number} output", output.get("evalue", "")
            for mime, content in output.get("data", {}).items():
                if not mime.startswith("image/"):
                    yield f"cell {number} output", content if isinstance(content, str) else json.dumps(content)


def leaks(notebook: nbformat.NotebookNode) -> list[str]:
    """Machine paths and secrets that the notebook would store, one line each; a secret is not repeated."""
    found = []
    for where, text in stored_texts(notebook):
        text = ANSI.sub("", text)
        found += [f"{where}: machine path {match.group()}" for match in MACHINE_PATH.finditer(text)]
        found += [f"{where}: looks like a secret" for _ in SECRET.finditer(text)]
    return found


def stderr_lines(notebook: nbformat.NotebookNode) -> list[str]:
    """What cells wrote to stderr, one line each: warnings that a learner would meet unexplained."""
    return [
        f"cell {number} stderr: {output.text.strip()[:300]}"
        for number, cell in enumerate(notebook.cells)
        for output in cell.get("outputs", [])
        if output.output_type == "stream" and output.name == "stderr"
    ]


def shorten_frames(traceback: list[str]) -> list[str]:
    """The traceback with package files named from the package on, repository and temporary files from the root on."""
    return [TEMPORARY.sub("TEMP", REPOSITORY_PREFIX.sub("", LIBRARY_PREFIX.sub("", line))) for line in traceback]


def fold_frames(traceback: list[str]) -> list[str]:
    """The traceback with the middle of each long row of frames left out, and a line that says so.

    Of an exception that led to another one all of a long row goes; a frame of the learner's own code never does.
    """
    plain = [ANSI.sub("", entry) for entry in traceback]
    last_exception = max((at for at, entry in enumerate(plain) if CHAINED.match(entry)), default=0)
    folded: list[str] = []
    for is_frame, group in groupby(range(len(plain)), key=lambda at: bool(FRAME.match(plain[at]))):
        row = list(group)
        shown = SHOWN_FRAMES if row[0] >= last_exception else 0
        middle = row[shown : len(row) - shown] if is_frame and len(row) > 2 * SHOWN_FRAMES + 1 else []
        for goes, part in groupby(row, key=lambda at: at in middle and not OWN_FRAME.match(plain[at])):
            entries = [traceback[at] for at in part]
            if goes and len(entries) > 1:
                entries = [f"    [{len(entries)} frames left out of this stored output]"]
            folded += entries
    return folded


def merged_streams(outputs: list[nbformat.NotebookNode]) -> list[nbformat.NotebookNode]:
    """Neighbouring pieces of one stream joined: how the kernel cuts them is chance."""
    joined: list[nbformat.NotebookNode] = []
    for output in outputs:
        last = joined[-1] if joined else None
        if last and output.output_type == last.output_type == "stream" and output.name == last.name:
            last["text"] += output.text
        else:
            joined.append(output)
    return joined


def normalise(notebook: nbformat.NotebookNode) -> int:
    """Bring metadata and outputs into the one stored form, in place; returns how many widget views were dropped.

    A widget's view means nothing without its kernel and makes code hosts refuse the file, so it goes, and with it a
    plain text ("HBox(children=...") that is all it had beside it. Of a long traceback frames of packages go. Nothing
    else that a cell showed does.
    """
    dropped = 0
    kept = {KEPT_METADATA: notebook.metadata[KEPT_METADATA]} if KEPT_METADATA in notebook.metadata else {}
    notebook["metadata"] = {"kernelspec": dict(KERNELSPEC), "language_info": {"name": "python"}, **kept}
    notebook["nbformat"], notebook["nbformat_minor"] = 4, 5
    for cell in notebook.cells:
        cell["metadata"] = {key: cell.metadata[key] for key in KEPT_CELL_METADATA if key in cell.metadata}
        if cell.cell_type != "code":
            continue
        views = [output for output in cell.outputs if output.get("data", {}).pop(WIDGET_MIME, None) is not None]
        widgets = [output for output in views if not set(output.data) - {"text/plain"}]
        dropped += len(views)
        cell["outputs"] = merged_streams([output for output in cell.outputs if output not in widgets])
        for output in cell.outputs:
            if output.output_type == "error":
                output["traceback"] = fold_frames(shorten_frames(output.traceback))
                output["evalue"] = TEMPORARY.sub("TEMP", output.evalue)
            elif "metadata" in output:
                output["metadata"] = {}
    return dropped


def write_whole(notebook: nbformat.NotebookNode, path: Path) -> None:
    """Write the notebook; the file appears whole or not at all."""
    save_text(path, nbformat.writes(nbformat.from_dict(notebook), version=4) + "\n")


def execute_one(path: Path, timeout: float) -> list[str]:
    """Run one notebook in a fresh kernel and store it; returns the reasons why it was refused, empty when stored.

    `timeout` is in seconds, for each cell. Cells tagged raises-exception may raise.
    """
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell["outputs"], cell["execution_count"] = [], None
    client = NotebookClient(
        notebook,
        timeout=timeout,
        startup_timeout=180,
        kernel_name=KERNELSPEC["name"],
        record_timing=False,
        resources={"metadata": {"path": str(path.parent)}},
    )
    reasons = []
    try:
        client.execute()
    except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
        reasons.append(str(error).strip())
    dropped = normalise(notebook)
    if dropped:
        print(f"{path.stem}: {dropped} widget views left out")
    reasons += stderr_lines(notebook) + leaks(notebook)
    write_whole(notebook, BUILD / "notebooks" / path.name if reasons else path)
    return reasons


def execute(paths: list[Path], timeout: float = 900) -> dict[str, list[str]]:
    """Run and store the notebooks one after the other; returns the reasons of those refused, by name.

    The measured seconds of each are added to build/notebook_seconds.json.
    """
    refused = {}
    for path in paths:
        start = time.perf_counter()
        reasons = execute_one(path, timeout)
        seconds = round(time.perf_counter() - start, 1)
        print(f"{path.stem}: {seconds} s" + (", NOT stored" if reasons else ""), flush=True)
        if reasons:
            refused[path.stem] = reasons
            continue
        known = json.loads(SECONDS.read_text(encoding="utf-8")) if SECONDS.exists() else {}
        save_json(SECONDS, dict(sorted({**known, path.stem: seconds}.items())))
    return refused


def find(names: list[str], directory: Path = NOTEBOOKS) -> list[Path]:
    """The notebooks that the names mean (04, 04_training or a path), all of the directory for none.

    InputError when a name means none or several of them.
    """
    everything = sorted(directory.glob("*.ipynb"))
    found = []
    for name in names:
        matching = [path for path in everything if path.stem == Path(name).stem or path.stem.startswith(f"{name}_")]
        if Path(name).suffix == ".ipynb" and Path(name).is_file():
            matching = [Path(name).resolve()]
        if len(matching) != 1:
            names_there = ", ".join(path.stem for path in everything)
            raise InputError(f"{name}: means {len(matching)} notebooks; there are {names_there}")
        found += matching
    return found or everything


def main(
    names: Annotated[list[str] | None, typer.Argument(help="such as 04 or 04_training; none means all")] = None,
    timeout: Annotated[float, typer.Option(help="seconds for each cell")] = 900,
) -> None:
    """Execute notebooks and store their outputs; exit 1 when one was refused, 2 when a name is wrong."""
    try:
        refused = execute(find(names or []), timeout)
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        raise SystemExit(2) from error
    for name, reasons in refused.items():
        for reason in reasons:
            print(f"{name}: {reason}", file=sys.stderr)
        print(f"{name}: not stored, see build/notebooks/{name}.ipynb", file=sys.stderr)
    raise SystemExit(1 if refused else 0)


if __name__ == "__main__":
    typer.run(main)
