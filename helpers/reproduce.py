"""Reproduce an error from a terminal: an error notebook's cells tagged reproduce, fix and proof, in a fresh kernel.

The notebook's metadata name the catalogue's case; `without_gpu` there names the case that a machine without a GPU gets
instead. A gallery has several cases: its cells are tagged case:<id>, too, with each case that they serve; one without
such a tag serves all. Nothing is left behind: kernel, caches and temporary files live in one temporary directory.
"""

import difflib
import json
import os
import re
import tempfile
import textwrap
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import nbformat

from helpers import NOTEBOOKS, ROOT, doctor
from helpers.errors import InputError

KERNELSPEC = {"name": "python3", "display_name": "Python 3", "language": "python"}
KEPT_METADATA = "course"  # of a notebook or a cell: what the course keeps about it
ANSI = re.compile(r"\x1b\[[0-9;]*m")
KINDS = ("reproduce", "fix", "proof")
SETUP = "setup"
CASE = "case:"
SECONDS = 300  # for one cell
WIDTH = 80  # columns of a terminal
SHORTEST_PART = 4  # letters by which a longer name is found
INDENT = " " * 6
ALL = "All: python -m helpers reproduce"
BAR = re.compile(r"\d+%\|")  # a progress bar, such as that of loading weights
INNERMOST = "import sys, traceback; print(traceback.extract_tb(sys.last_value.__traceback__)[-1].filename)"


@dataclass(frozen=True)
class Lesson:
    """A case, the case that stands in on a machine without a GPU (or None), its title, and its notebook's name."""

    case: str
    without_gpu: str | None
    title: str
    notebook: str

    def cells(self, kinds: Sequence[str], directory: Path = NOTEBOOKS) -> list[tuple[str, str]]:
        """(kind, source) of the setup cell and the case's tagged cells of these kinds, in the notebook's order."""
        notebook = nbformat.read(directory / f"{self.notebook}.ipynb", as_version=4)
        found = []
        for cell in notebook.cells:
            tags = set(cell.metadata.get("tags", ()))
            kind = tags & {SETUP, *kinds}
            if kind and self.case in (cases_of(cell) or [self.case]):
                found.append((kind.pop(), cell.source))
        return found


@dataclass(frozen=True)
class Step:
    """A cell that ran: what it printed; its exception's type, traceback with colours, and innermost frame's file, all
    empty without one."""

    kind: str
    source: str
    printed: str
    error: str
    traceback: str
    raised_in: str


@dataclass(frozen=True)
class Outcome:
    """All steps, the doctor's answer to the traceback (None when nothing was raised), and what went wrong, or ""."""

    steps: tuple[Step, ...]
    diagnosis: doctor.Diagnosis | None
    failure: str


def cases_of(cell: nbformat.NotebookNode) -> list[str]:
    """The cases that a gallery's cell is tagged with; none for a cell that serves all of its notebook."""
    return [tag.removeprefix(CASE) for tag in cell.metadata.get("tags", ()) if tag.startswith(CASE)]


def lessons(directory: Path = NOTEBOOKS) -> dict[str, Lesson]:
    """The cases that notebooks reproduce, in teaching order. A gallery's are titled as the catalogue does."""
    found, titles = {}, {case.id: case.title for case in doctor.load()}
    for path in sorted(directory.glob("*.ipynb")):
        notebook = nbformat.read(path, as_version=4)
        if course := notebook.metadata.get(KEPT_METADATA):
            title = notebook.cells[0].source.splitlines()[0].lstrip("# ")
            found[course["case"]] = Lesson(course["case"], course.get("without_gpu"), title, path.stem)
        for case in (case for cell in notebook.cells for case in cases_of(cell)):
            found[case] = Lesson(case, None, titles.get(case, case), path.stem)
    return found


def find(wanted: str) -> Lesson:
    """The lesson that is meant: by its case, its notebook's number or name, its number among the ten errors (8, E8), a
    part of a name, or the error's own message. InputError for none, with the nearest, and for several."""
    known = lessons()
    names = [(name, lesson) for lesson in known.values() for name in names_of(lesson)]
    found = [lesson for name, lesson in names if bare(name) == bare(wanted)]
    if not found and wanted.isdecimal():
        found = [lesson for name, lesson in names if name == f"E{int(wanted)}"]
    elif not found and len(bare(wanted)) >= SHORTEST_PART:
        found = [lesson for name, lesson in names if bare(wanted) in bare(name)]
        if not found and (lesson := known.get(doctor.diagnose(wanted).case or "")):
            found = [lesson]
    meant = [lesson for lesson in known.values() if lesson in found]
    if len(meant) == 1:
        return meant[0]
    if meant:
        raise InputError(f"{wanted} reproduces several errors; name one of {', '.join(one.case for one in meant)}")
    near = difflib.get_close_matches(wanted.lower(), [name for name, _ in names], 3)
    cases = ", ".join(dict.fromkeys(lesson.case for name in near for other, lesson in names if other == name))
    raise InputError(f"no notebook reproduces {wanted!r}" + f"; nearest: {cases}" * bool(near) + f". {ALL}")


def names_of(lesson: Lesson) -> list[str]:
    """What a lesson answers to: its cases, their numbers among the errors, its notebook and the number of that."""
    cases = [case for case in (lesson.case, lesson.without_gpu) if case]
    ledger = [name for case in doctor.load() if case.id == lesson.case for name in case.ledger]
    return [*cases, *ledger, lesson.notebook, lesson.notebook.partition("_")[0]]


def bare(name: str) -> str:
    """Letters and digits of a name, in lower case."""
    return re.sub(r"[\W_]+", "", name.lower())


def run_lesson(
    lesson: Lesson, kinds: Sequence[str] = KINDS, show: Callable[[Step], None] = lambda step: None
) -> Outcome:
    """Run the lesson's cells of these kinds; `show` gets each step as it ends.

    The outcome's failure says so when the last reproduce cell did not raise, any other cell did, the doctor did not
    name the case, or the kernel died or ran out of time.
    """
    from nbclient.exceptions import CellTimeoutError, DeadKernelError

    cells = lesson.cells(kinds)
    last = max(number for number, (kind, _) in enumerate(cells) if kind == "reproduce")
    steps: list[Step] = []
    try:
        with kernel() as execute:
            for number, (kind, source) in enumerate(cells):
                steps.append(execute(kind, source))
                show(steps[-1])
                if bool(steps[-1].error) != (number == last):
                    break
    except (CellTimeoutError, DeadKernelError) as error:
        where = f"{lesson.notebook}, {cells[len(steps)][0]} cell"
        return Outcome(tuple(steps), None, f"{where}: {str(error).strip() or type(error).__name__}")
    done = len(steps) == len(cells) and bool(steps[-1].error) == (last == len(cells) - 1)
    raised = next((step.traceback for step in steps if step.error), "")
    diagnosis = doctor.diagnose(raised) if raised else None
    where = f"{lesson.notebook}, {steps[-1].kind} cell"
    failure = "" if done else f"{where}: {'raised' if steps[-1].error else 'should have raised, and did not'}"
    if done and diagnosis and diagnosis.case not in {lesson.case, lesson.without_gpu} - {None}:
        failure = f"{lesson.notebook}: the doctor says {diagnosis.case}, not {lesson.case}"
    return Outcome(tuple(steps), diagnosis, failure)


@contextmanager
def kernel(name: str = KERNELSPEC["name"]) -> Iterator[Callable[[str, str], Step]]:
    """A fresh kernel in an empty directory that vanishes with it, as a function from (kind, source) to the step."""
    import psutil
    from jupyter_core.utils import ensure_event_loop
    from nbclient import NotebookClient

    others = psutil.Process().children()
    with tempfile.TemporaryDirectory(prefix="reproduce-", ignore_cleanup_errors=True) as folder:
        client = NotebookClient(
            nbformat.v4.new_notebook(),
            timeout=SECONDS,
            startup_timeout=180,
            kernel_name=name,
            allow_errors=True,
            extra_arguments=["--log-level=50"],  # the kernel's own remarks are not the lesson's
            resources={"metadata": {"path": folder}},
        )

        def execute(kind: str, source: str) -> Step:
            outputs = in_kernel(client, source)
            errors = [output for output in outputs if output.output_type == "error"]
            traceback = "\n".join("\n".join(error.traceback) for error in errors)
            raised_in = text(in_kernel(client, INNERMOST)).strip() if errors else ""
            return Step(kind, source, text(outputs), errors[0].ename if errors else "", traceback, raised_in)

        try:
            with client.setup_kernel(env=environment(Path(folder))):
                try:
                    yield execute
                except KeyboardInterrupt:  # how nbclient's interrupted task ends is no news any more
                    ensure_event_loop().set_exception_handler(lambda loop, context: None)
                    raise
        finally:
            # Stopped while it starts or ends, nbclient leaves the kernel running, and may never have heard of it.
            left = [process for process in psutil.Process().children() if process not in others]
            for process in left:
                process.kill()
            psutil.wait_procs(left)


def in_kernel(client, source: str) -> list[nbformat.NotebookNode]:
    """The outputs of the source, run as one more cell."""
    cell = nbformat.v4.new_code_cell(source)
    client.nb.cells.append(cell)
    client.execute_cell(cell, len(client.nb.cells) - 1)
    return cell.outputs


def environment(folder: Path) -> dict[str, str]:
    """This process's variables, changed so that what the kernel and its libraries write goes into the folder."""
    own = dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(folder))
    own |= {"IPYTHONDIR": str(folder / "ipython"), "HF_HOME": str(folder / "hf"), "MPLCONFIGDIR": str(folder / "mpl")}
    path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
    return {"COURSE_PROFILE": "tiny", **os.environ, **own, "PYTHONPATH": path}


def text(outputs: Sequence[nbformat.NotebookNode]) -> str:
    """What the outputs print: streams and plain text, as a terminal shows it in the end, without progress bars."""
    whole = "".join(
        output.get("text", "") or output.get("data", {}).get("text/plain", "") + "\n" * ("data" in output)
        for output in outputs
    )
    lines = [line.rstrip("\r").rpartition("\r")[2] for line in whole.split("\n")]
    return "\n".join(line for line in lines if not BAR.search(line))


def report(step: Step, colours: bool) -> str:
    """A step for a terminal of 80 columns: its source behind bars, then what it printed and raised; nothing of the
    setup cell."""
    if step.kind == SETUP and not step.error:
        return ""
    source = "\n".join(f"  | {line}" for line in step.source.splitlines())
    traceback = step.traceback if colours else ANSI.sub("", step.traceback)
    where = f"(raised in {step.raised_in})" if step.error else ""
    whole = "\n".join(filter(None, (f"--- {step.kind}", source, step.printed.rstrip(), traceback, where)))
    return "\n".join(folded for line in whole.splitlines() for folded in fold(line))


def fold(line: str) -> list[str]:
    """The line in pieces of at most 80 columns, those after the first indented; colours take no column, a Chinese
    letter takes two."""
    pieces, column = [""], 0
    for token in re.findall(rf"{ANSI.pattern}|.", line.expandtabs(4)):
        wide = 0 if token[0] == "\x1b" else 1 + (unicodedata.east_asian_width(token) in "WF")
        if column + wide > WIDTH:
            pieces.append(INDENT)
            column = len(INDENT)
        pieces[-1] += token
        column += wide
    return pieces


def to_json(found: Sequence[Lesson]) -> str:
    """The lessons for a script."""
    return json.dumps([asdict(lesson) for lesson in found], ensure_ascii=False, indent=1)


def to_text(found: Sequence[Lesson]) -> str:
    """The lessons for a terminal of 80 columns: case, notebook's number and title."""
    width = max((len(lesson.case) for lesson in found), default=0)
    lines: list[str] = []
    for one in found:
        note = f" (without a GPU: {one.without_gpu})" if one.without_gpu else ""
        first = f"{one.case:{width}}  {one.notebook[:2]}  "
        lines += textwrap.wrap(one.title + note, WIDTH, initial_indent=first, subsequent_indent=" " * len(first))
    return "\n".join(lines)
