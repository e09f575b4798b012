"""Gates for style: what a learner sees of a notebook. Each returns what is wrong, one line each; empty means passed."""

import ast
import re
import statistics
from collections.abc import Iterator

import nbformat

from helpers.reproduce import ANSI

Notebook = nbformat.NotebookNode

CHECK = "check"
LONGEST_LINE, MOST_LINES, MEDIAN_LINES = 88, 20, 6
# The inventory's codes. In code and outputs only the forms that nothing else has: A33 may be a product, A100 a GPU.
CODE = re.compile(r"(?<![\w/#.-])(?:C\d{2,3}|S[0-4]-\d{2})(?![\w-])")
PROSE_CODE = re.compile(CODE.pattern + r"|(?<![\w/#.'-])(?:[AEP]\d{1,2}|S[0-4])(?![\w-])")
HARDWARE = re.compile(r"\b(?:A10|A16|A30|A40|P4|P40)\b")
BOOLEAN = re.compile(r"(?::| =) *(?:True|False)\b")  # bf16=True is an argument, and may be named


def code_cells(notebook: Notebook) -> list[Notebook]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def is_tagged(cell: Notebook, tag: str) -> bool:
    return tag in cell.metadata.get("tags", [])


def is_hidden(cell: Notebook) -> bool:
    return bool(cell.metadata.get("jupyter", {}).get("source_hidden"))


def texts(cell: Notebook) -> Iterator[str]:
    """What a code cell shows: printed, displayed, raised; pictures are left out."""
    for output in cell.outputs:
        shown = [text for mime, text in output.get("data", {}).items() if mime.startswith("text/")]
        for text in (output.get("text", ""), *shown, *output.get("traceback", [])):
            yield ANSI.sub("", text)


def no_codes(notebook: Notebook) -> list[str]:
    """No code of the inventory in what a reader sees: text, code, outputs."""
    wrong = []
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            found = [code for code in PROSE_CODE.findall(cell.source) if not HARDWARE.fullmatch(code)]
        elif cell.cell_type == "code":
            found = CODE.findall("\n".join([cell.source, *texts(cell)]))
        else:
            found = []
        wrong += [f"{cell.id}: shows the code {code}" for code in found]
    return wrong


def check_cells(notebook: Notebook) -> list[str]:
    """A check cell asserts, out of sight and without a word; what else is hidden shows a text that it writes."""
    wrong = []
    for cell in code_cells(notebook):
        shows = [set(output.get("data", {})) or {output.output_type} for output in cell.outputs]
        if is_tagged(cell, CHECK):
            wrong += [] if is_hidden(cell) else [f"{cell.id}: a check cell whose source is not hidden"]
            wrong += [f"{cell.id}: a check cell that shows something"] if cell.outputs else []
            wrong += [] if asserts(cell.source) else [f"{cell.id}: a check cell that asserts nothing"]
        elif is_hidden(cell) and not (shows and all("text/markdown" in kinds for kinds in shows)):
            wrong.append(f"{cell.id}: hidden, but neither a check nor the source of a text")
    return wrong


def asserts(source: str) -> bool:
    """Whether an assert stands there that could fail: not of a constant."""
    found = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Assert)]
    return any(not isinstance(node.test, ast.Constant) for node in found)


def no_booleans(notebook: Notebook) -> list[str]:
    """No cell tells the learner that something is True: show the number, the row or the picture."""
    return [
        f"{cell.id}: prints '{line.strip()[:80]}'"
        for cell in code_cells(notebook)
        for text in texts(cell)
        for line in text.splitlines()
        if BOOLEAN.search(line) and not any(out.output_type == "error" for out in cell.outputs)
    ]


def short_lines(notebook: Notebook) -> list[str]:
    """No line of code runs out of JupyterLab's window."""
    return [
        f"{cell.id}: a line of {len(line)} characters: {line.strip()[:50]} ..."
        for cell in code_cells(notebook)
        for line in cell.source.splitlines()
        if len(line) > LONGEST_LINE and not is_tagged(cell, "setup")
    ]


def one_idea_a_cell(notebook: Notebook) -> list[str]:
    """Code cells are short, the longest and, of those that a learner sees, the median."""
    cells = [cell for cell in code_cells(notebook) if not is_tagged(cell, "setup")]
    lines = {cell.id: len(cell.source.splitlines()) for cell in cells}
    wrong = [f"{name}: {count} lines of code" for name, count in lines.items() if count > MOST_LINES]
    seen = [sum(bool(line.strip()) for line in cell.source.splitlines()) for cell in cells if not is_hidden(cell)]
    if seen and statistics.median(seen) > MEDIAN_LINES:
        wrong.append(f"the median code cell has {statistics.median(seen)} lines")
    return wrong


def exercises(notebook: Notebook) -> list[str]:
    """There is an exercise; each has a heading, a stub to write, the call of its check below it, a folded solution."""
    wrong, names = [], []
    roles = [(cell.metadata.get("course", {}), cell) for cell in notebook.cells]
    solutions = {course["solution"]: cell for course, cell in roles if "solution" in course}
    for at, (course, stub) in enumerate(roles):
        if "exercise" not in course:
            continue
        name = course["exercise"]
        names.append(name)
        above = [cell.source for cell in notebook.cells[:at] if cell.cell_type == "markdown"]
        below = notebook.cells[at + 1] if at + 1 < len(notebook.cells) else stub
        if not above or not re.search(r"^#+ .*exercise", above[-1], re.IGNORECASE | re.MULTILINE):
            wrong.append(f"{name}: the text above is not headed as an exercise")
        elif not re.search(r"\d+[ \u00a0-]?min", above[-1]):
            wrong.append(f"{name}: the text above does not say its minutes")
        if f"def {name}(" not in stub.source or "raise NotImplementedError" not in stub.source:
            wrong.append(f"{name}: the stub is no function of that name that raises NotImplementedError")
        if f"check.{name}({name})" not in below.source or below.cell_type != "code":
            wrong.append(f"{name}: the cell below does not call check.{name}({name})")
        folded = solutions.get(name)
        if not folded or not re.search(rf"<details>.*def {name}\(.*</details>", folded.source, re.DOTALL):
            wrong.append(f"{name}: no folded solution that defines it")
    wrong += [f"a solution without its exercise: {name}" for name in solutions if name not in names]
    return wrong or ([] if names else ["no exercise"])


STYLE_GATES = (no_codes, check_cells)
LESSON_GATES = (no_booleans, short_lines, one_idea_a_cell, exercises)
