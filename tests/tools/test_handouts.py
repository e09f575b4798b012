"""What `make exercises` writes: every exercise, as a stub and solved; each notebook runs alone."""

import contextlib
import io

import nbformat
import pytest
from notebook_gates import broken_links, links

from helpers import reproduce
from tools import handouts
from tools.ledger import read_notebooks

LESSONS = {name: book for name, book in read_notebooks().items() if any(handouts.exercises(book))}


@pytest.fixture(scope="module")
def build(tmp_path_factory):
    """All handouts, in a folder of their own; their links are held against build/."""
    folder = tmp_path_factory.mktemp("build")
    handouts.write(folder)
    return folder


def said(path) -> list[str]:
    """What the cells below the set-up print, run in their order in one empty namespace."""
    cells = [cell.source for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]
    names: dict = {}
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        for source in cells[1:]:
            exec(source, names)
    return printed.getvalue().splitlines()


@pytest.mark.parametrize("name", LESSONS)
def test_stubs_wait_and_solutions_pass(name, build):
    count = len(list(handouts.exercises(LESSONS[name])))
    stubs, solved = (said(build / kind / f"{name}.ipynb") for kind in ("exercises", "solutions"))
    assert len([line for line in stubs if line.startswith("Not written yet")]) == count == len(stubs)
    assert len([line for line in solved if line.startswith("Right:")]) == count


def test_a_handout_has_no_solution_and_its_links_lead_somewhere(build):
    for name, lesson in LESSONS.items():
        text = (build / "exercises" / f"{name}.ipynb").read_text(encoding="utf-8")
        assert "<details>" not in text and "Solution" not in text
        for one in handouts.exercises(lesson):
            assert one.solution.strip() and one.text.lstrip("#").strip()
        for kind in ("exercises", "solutions"):
            book = nbformat.read(build / kind / f"{name}.ipynb", as_version=4)
            nbformat.validate(book)
            shown = "\n".join(cell.source for cell in book.cells if cell.cell_type == "markdown")
            assert f"../../notebooks/{name}.ipynb" in links(shown)
            assert not broken_links(shown, handouts.BUILD / kind)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["exercises", "solutions"])
def test_one_of_each_in_a_kernel_of_its_own(kind, build):
    book = nbformat.read(build / kind / f"{next(iter(LESSONS))}.ipynb", as_version=4)
    with reproduce.kernel() as execute:
        for cell in book.cells:
            if cell.cell_type == "code":
                step = execute("cell", cell.source)
                assert not step.error, step.traceback
