"""Gates over the stored notebooks. Each returns what is wrong, one line each; empty means passed."""

import os
import re
import statistics
from collections import Counter
from collections.abc import Collection
from pathlib import Path

from style_gates import CHECK, Notebook, code_cells, is_hidden, is_tagged, texts

from helpers.reproduce import ANSI, KEPT_METADATA, cases_of
from tools.execute import KEPT_CELL_METADATA, WIDGET_MIME, leaks, stderr_lines

COMPARED_TAG, COMPARED_COMMENT = "nbval-check-output", "NBVAL_CHECK_OUTPUT"
RAISES_TAG, RAISES_COMMENT = "raises-exception", "NBVAL_RAISES_EXCEPTION"
UNCHECKED = ("nbval-skip", "nbval-ignore-output", "NBVAL_SKIP", "NBVAL_IGNORE_OUTPUT")
FEWEST_COMPARED = 2  # cells whose output nbval compares, or whose asserts it runs
MEDIAN_LINES, MOST_LINES, SETUP_LINES = 8, 20, 5
MOST_BYTES = 1_000_000
MINUTES = re.compile(r"(\d+(?:\.\d+)?)[ \u00a0]*min(?:utes?)?\b|\bminutes?\b[^\n]*?(\d+(?:\.\d+)?)", re.IGNORECASE)
MOST_CODE_CELLS_OF_AN_ERROR = 14  # that a learner sees, up to the proof
REPRODUCE, FIX, PROOF = "reproduce", "fix", "proof"
ANATOMY = (
    "In a hurry",
    "Reproduce",
    "Read the traceback",
    "Cause",
    "Fix",
    "Proof",
    "Prevent",
    "What the usual advice gets wrong",
    "What was shown",
    "Exercise",
)
# A row of a gallery's table: words of the message, and the case that it leads to, by the id of its heading's cell: that
# JupyterLab finds before it has drawn the cell.
ROW = re.compile(r"^\| (`{1,2})(.+?)\1 \| \[[^]]+\]\(\w+\.ipynb#cell-id=(\w+)\) \|$", re.MULTILINE)
SHOWN = re.compile(r"^#+.*what was shown.*$", re.IGNORECASE | re.MULTILINE)
CELL_ID = re.compile(r"[a-zA-Z0-9_-]{1,64}")
EXERCISE = re.compile(r"^#+.*exercise", re.IGNORECASE | re.MULTILINE)
LINK = re.compile(r"\]\(<?([^)\s>]+)>?(?:\s+\"[^\"]*\")?\)|\b(?:src|href)=\"([^\"]+)\"")


def has_marker(cell: Notebook, tag: str, comment: str) -> bool:
    lines = [line.strip().lstrip("#").strip() for line in cell.source.splitlines() if line.strip().startswith("#")]
    return tag in cell.metadata.get("tags", []) or comment in lines


def is_compared(cell: Notebook) -> bool:
    return has_marker(cell, COMPARED_TAG, COMPARED_COMMENT)


def raises(cell: Notebook) -> bool:
    return has_marker(cell, RAISES_TAG, RAISES_COMMENT)


def stored_text(cell: Notebook) -> str:
    """What nbval would compare of a cell: streams, plain text and the name and message of an error."""
    pieces = []
    for output in cell.outputs:
        pieces += [output.get("text", ""), output.get("data", {}).get("text/plain", ""), output.get("ename", "")]
    return "".join(pieces).strip()


def compared_cells(notebook: Notebook) -> list[str]:
    """There are compared cells or checks; a compared one stores text and no picture; none is left out of the run."""
    compared = [cell for cell in code_cells(notebook) if is_compared(cell)]
    checks = [cell for cell in code_cells(notebook) if is_tagged(cell, CHECK)]
    enough = len(compared + checks) >= FEWEST_COMPARED
    wrong = [] if enough else [f"only {len(compared)} compared cells and {len(checks)} checks"]
    for cell in compared:
        if not stored_text(cell) or cell.execution_count is None:
            wrong.append(f"{cell.id}: compared, but stores no text")
        if any(mime.startswith("image/") for output in cell.outputs for mime in output.get("data", {})):
            wrong.append(f"{cell.id}: compared, but stores a picture")
    wrong += [
        f"{cell.id}: left out of the comparison or the run"
        for cell in code_cells(notebook)
        if any(mark in cell.metadata.get("tags", []) or f"# {mark}" in cell.source for mark in UNCHECKED)
    ]
    return wrong


def exceptions(notebook: Notebook) -> list[str]:
    """A cell that should raise stores its error and is compared; no other cell stores one.

    raises-exception alone passes when nothing is raised: the comparison makes it real.
    """
    wrong = []
    for cell in code_cells(notebook):
        stores_error = any(output.output_type == "error" for output in cell.outputs)
        if raises(cell) and not is_compared(cell):
            wrong.append(f"{cell.id}: may raise but is not compared")
        if raises(cell) != stores_error:
            wrong.append(f"{cell.id}: {'stores no error' if raises(cell) else 'stores an error without the tag'}")
    return wrong


def no_widgets(notebook: Notebook) -> list[str]:
    """No widget state and no widget view: code hosts refuse the one, nobody can see the other."""
    wrong = ["widget state is stored"] if "widgets" in notebook.metadata else []
    return wrong + [
        f"{cell.id}: widget view"
        for cell in code_cells(notebook)
        for output in cell.outputs
        if WIDGET_MIME in output.get("data", {})
    ]


def no_leaks(notebook: Notebook) -> list[str]:
    """No path of the machine that ran it, nothing that looks like a secret."""
    return leaks(notebook)


def no_stderr(notebook: Notebook) -> list[str]:
    """No warning that a learner would meet unexplained."""
    return stderr_lines(notebook)


def normalised(notebook: Notebook) -> list[str]:
    """Only the metadata that tools.execute keeps, no times and no versions; each cell with a valid id of its own."""
    wrong = []
    if set(notebook.metadata) - {KEPT_METADATA} != {"kernelspec", "language_info"}:
        wrong.append(f"metadata has {sorted(notebook.metadata)}")
    if notebook.metadata.get("kernelspec", {}).get("name") != "python3":
        wrong.append("the kernel is not python3")
    if set(notebook.metadata.get("language_info", {})) != {"name"}:
        wrong.append("language_info says more than the name")
    for number, cell in enumerate(notebook.cells):
        if not CELL_ID.fullmatch(cell.get("id", "")):
            wrong.append(f"cell {number}: id {cell.get('id')}")
        if not set(cell.metadata) <= set(KEPT_CELL_METADATA):
            wrong.append(f"cell {number}: metadata {sorted(cell.metadata)}")
    counts = Counter(cell.get("id") for cell in notebook.cells)
    wrong += [f"{count} cells have the id {name}" for name, count in counts.items() if count > 1]
    return [text + " (run make notebooks)" for text in wrong]


def executed_in_order(notebook: Notebook) -> list[str]:
    """Every code cell was run once, from top to bottom, in one kernel."""
    counts = [cell.execution_count for cell in code_cells(notebook)]
    return [] if counts == list(range(1, len(counts) + 1)) else [f"execution counts are {counts}"]


def short_cells(notebook: Notebook) -> list[str]:
    """Code cells are short: the median and the longest, in lines that are not blank."""
    lines = [sum(bool(line.strip()) for line in cell.source.splitlines()) for cell in code_cells(notebook)]
    wrong = [f"a code cell has {count} lines" for count in lines if count > MOST_LINES]
    wrong += ["an empty code cell"] if 0 in lines else []
    if lines and statistics.median(lines) > MEDIAN_LINES:
        wrong.append(f"the median code cell has {statistics.median(lines)} lines")
    return wrong


def minutes(notebook: Notebook) -> float | None:
    """The minutes that the opening names: the text above the first code cell."""
    opening = []
    for cell in notebook.cells:
        if cell.cell_type == "code":
            break
        opening.append(cell.source)
    found = MINUTES.search("\n".join(opening))
    return float(found.group(1) or found.group(2)) if found else None


def opening(notebook: Notebook) -> list[str]:
    """One title, first of all; minutes; then the setup cell of at most five lines as the first code."""
    titles = [
        number
        for number, cell in enumerate(notebook.cells)
        if cell.cell_type == "markdown" and re.search(r"^# \S", cell.source, re.MULTILINE)
    ]
    title_first = titles == [0] and notebook.cells[0].source.startswith("# ")
    wrong = [] if title_first else ["the first cell is not the one title"]
    if minutes(notebook) is None:
        wrong.append("the opening names no minutes")
    first = code_cells(notebook)[0].source if code_cells(notebook) else ""
    if "helpers" not in first or len(first.splitlines()) > SETUP_LINES:
        wrong.append(f"the first code cell is not a setup cell of at most {SETUP_LINES} lines")
    return wrong


def closing(notebook: Notebook) -> list[str]:
    """ "What was shown" lists at least one number, written or printed; an exercise comes with code to run."""
    cells = notebook.cells
    shown = [at for at, cell in enumerate(cells) if cell.cell_type == "markdown" and SHOWN.search(cell.source)]
    has_number = shown and re.search(r"^\s*[-*|].*\d", below(notebook, shown[-1]), re.MULTILINE)
    wrong = [] if has_number else ["no numbers under 'What was shown'"]
    exercises = [at for at, cell in enumerate(cells) if cell.cell_type == "markdown" and EXERCISE.search(cell.source)]
    if not exercises or not any(cell.cell_type == "code" for cell in cells[exercises[-1] :]):
        wrong.append("no exercise followed by its check")
    return wrong


def below(notebook: Notebook, at: int) -> str:
    """The text under the last "What was shown" of that cell, and what the code behind it shows, to the next text."""
    pieces = [SHOWN.split(notebook.cells[at].source)[-1]]
    for cell in notebook.cells[at + 1 :]:
        if cell.cell_type != "code":
            break
        pieces += texts(cell)
    return "\n".join(pieces)


def tagged(notebook: Notebook, tag: str) -> list[int]:
    """The positions of the code cells with that tag."""
    cells = enumerate(notebook.cells)
    return [at for at, cell in cells if cell.cell_type == "code" and tag in cell.metadata.get("tags", [])]


def anatomy(notebook: Notebook) -> list[str]:
    """An error notebook (one that names its case) is short, has the headings in their order, and tags its cells.

    How they are tagged, `stages` says.
    """
    if KEPT_METADATA not in notebook.metadata:
        return []
    found = [text for cell in notebook.cells for text in re.findall(r"^## ([^:\n]+)", cell.get("source", ""), re.M)]
    headings = [text.strip() for text in found if text.strip() in ANATOMY]
    wrong = [] if tuple(headings) in (ANATOMY, ANATOMY[1:]) else [f"its headings are {headings}"]
    last = max(tagged(notebook, PROOF), default=-1)
    shown = [cell for cell in notebook.cells[: last + 1] if cell.cell_type == "code" and not is_hidden(cell)]
    if len(shown) > MOST_CODE_CELLS_OF_AN_ERROR:
        wrong.append(f"{len(shown)} cells of code are too many to be read under stress")
    return wrong + stages(notebook, range(len(notebook.cells)))


def stages(notebook: Notebook, among: Collection[int]) -> list[str]:
    """Of the cells at these positions those tagged reproduce come first, and only their last raises; then fix; then
    proof, compared or a check."""
    groups = [[at for at in tagged(notebook, tag) if at in among] for tag in (REPRODUCE, FIX, PROOF)]
    if not all(groups) or sorted(sum(groups, [])) != sum(groups, []):
        return [f"cells tagged reproduce, fix, proof are {groups}, which is not in this order"]
    raising = [raises(notebook.cells[at]) for at in groups[0]]
    wrong = []
    if not raising[-1] or any(raising[:-1]):
        wrong.append("it is not the last reproduce cell, and it alone, that raises")
    proofs = [notebook.cells[at] for at in groups[2]]
    return wrong + [
        f"{cell.id}: proof not compared" for cell in proofs if not (is_compared(cell) or is_tagged(cell, CHECK))
    ]


def gallery(notebook: Notebook) -> list[str]:
    """A notebook whose cells are tagged with cases: its table leads to the heading of each, plain words in a cell
    named as the case, by words of the traceback that the case stores; each has its reproduce, fix and proof."""
    tagged_cases = {case for cell in notebook.cells for case in cases_of(cell)}
    if not tagged_cases:
        return []
    text = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    headings = [cell.id for cell in notebook.cells if cell.id in tagged_cases and re.match(r"### \S+ \S", cell.source)]
    words = {case: words for _, words, case in ROW.findall(text)}
    wrong = [] if set(headings) == tagged_cases else [f"no heading for {sorted(tagged_cases - set(headings))}"]
    wrong += [] if list(words) == headings else [f"its table leads to {list(words)}, its headings are {headings}"]
    for case in tagged_cases:
        own = [at for at, cell in enumerate(notebook.cells) if cases_of(cell) == [case]]
        wrong += [f"{case}: {problem}" for problem in stages(notebook, own)]
        stored = [out.get("traceback", []) for at in own for out in notebook.cells[at].get("outputs", [])]
        if words.get(case, "") not in ANSI.sub("", "\n".join(sum(stored, []))):
            wrong.append(f"{case}: the table's words are not in the stored traceback")
    return wrong


NOTEBOOK_GATES = (
    compared_cells,
    exceptions,
    no_widgets,
    no_leaks,
    no_stderr,
    normalised,
    executed_in_order,
    short_cells,
    opening,
    closing,
    anatomy,
    gallery,
)


def links(text: str) -> list[str]:
    """The targets of all markdown and HTML links and pictures that are files, without their anchors."""
    targets = [(first or second).split("#")[0] for first, second in LINK.findall(text)]
    return [target for target in targets if target and not re.match(r"[a-z]+:", target)]


def notebook_links(notebook: Notebook) -> list[str]:
    return [target for cell in notebook.cells if cell.cell_type == "markdown" for target in links(cell.source)]


def same_setup(notebooks: dict[str, Notebook]) -> list[str]:
    """The first code cell is the same, letter by letter, in every notebook."""
    sources = {name: code_cells(notebook)[0].source for name, notebook in notebooks.items() if code_cells(notebook)}
    first = next(iter(sources.values()), "")
    return [f"{name}: not the first notebook's setup cell" for name, source in sources.items() if source != first]


def neighbours(notebooks: dict[str, Notebook]) -> list[str]:
    """Each links to the one before it, and at its end to the one after it."""
    wrong, names = [], list(notebooks)
    for before, after in zip(names, names[1:], strict=False):
        last = [cell.source for cell in notebooks[before].cells if cell.cell_type == "markdown"][-1]
        if f"{after}.ipynb" not in links(last):
            wrong.append(f"{before}: the last text does not link to {after}")
        if f"{before}.ipynb" not in notebook_links(notebooks[after]):
            wrong.append(f"{after}: no link back to {before}")
    return wrong


def map_rows(readme: str) -> dict[str, float | None]:
    """README's map: the notebook linked in each table row, and the number in the row's minutes column."""
    rows: dict[str, float | None] = {}
    column = None
    for line in readme.splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")] if line.startswith("|") else []
        if not cells:
            column = None
            continue
        headers = [number for number, cell in enumerate(cells) if re.match(r"minutes?\b", cell, re.IGNORECASE)]
        column = headers[0] if headers else column
        for target in links(line):
            if re.fullmatch(r"(?:\./)?notebooks/\w+\.ipynb", target) and column is not None:
                number = re.search(r"\d+(?:\.\d+)?", cells[column]) if column < len(cells) else None
                rows[Path(target).stem] = float(number.group()) if number else None
    return rows


def readme_map(notebooks: dict[str, Notebook], readme: str) -> list[str]:
    """The map has every notebook, with the minutes that the notebook itself names, and none that is not there."""
    rows = map_rows(readme)
    wrong = [f"{name} is not in the map" for name in notebooks if name not in rows]
    wrong += [f"the map names {name}, which is not there" for name in rows if name not in notebooks]
    wrong += [
        f"{name}: the map says {rows[name]} minutes, the notebook {minutes(notebook)}"
        for name, notebook in notebooks.items()
        if name in rows and rows[name] != minutes(notebook)
    ]
    return wrong


def broken_links(text: str, directory: Path) -> list[str]:
    """Links of a text that lies in `directory` to files that are not there."""
    there = {target: Path(os.path.normpath(directory / target)).exists() for target in links(text)}
    return [f"link to {target}, which is not there" for target, found in there.items() if not found]


def too_big(path: Path) -> list[str]:
    """A stored notebook stays small enough for a code host to show."""
    size = path.stat().st_size
    return [f"{path.name} has {size:,} bytes"] if size > MOST_BYTES else []
