"""Write what a teacher hands out, from the notebooks: the exercises as stubs, and the same with their solutions.

`python -m tools.handouts` (`make exercises`) writes build/exercises/NN_topic.ipynb and build/solutions/NN_topic.ipynb
for every notebook that has exercises. Each runs alone: title, set-up, then text, stub or solution, and check.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from helpers import BUILD, NOTEBOOKS
from helpers.reproduce import KEPT_METADATA, KERNELSPEC
from tools.execute import write_whole

FENCE = re.compile(r"^```python\n(.*?)^```\n*", re.DOTALL | re.MULTILINE)
FOLD = re.compile(r"</?details>|<summary>.*?</summary>", re.DOTALL)
HEADING = re.compile(r"^#+ .*exercise", re.IGNORECASE | re.MULTILINE)
LINK = re.compile(r"\]\((?![a-z]+:|#)")  # to a file, seen from notebooks/


@dataclass(frozen=True)
class Exercise:
    """One exercise of a notebook: the sources of its cells; `solution` is code, `why` the words beside it."""

    name: str
    text: str
    stub: str
    check: str
    solution: str
    why: str


def exercises(notebook: nbformat.NotebookNode) -> Iterator[Exercise]:
    """The notebook's exercises, in order; KeyError for one without a solution."""
    roles = [cell.metadata.get(KEPT_METADATA, {}) for cell in notebook.cells]
    folded = {role["solution"]: cell.source for role, cell in zip(roles, notebook.cells) if "solution" in role}
    for at, role in enumerate(roles):
        if name := role.get("exercise"):
            above = [cell.source for cell in notebook.cells[:at] if cell.cell_type == "markdown"][-1]
            heading = HEADING.search(above)
            text = above[heading.start() :] if heading else above
            code = "\n".join(FENCE.findall(folded[name]))
            why = FOLD.sub("", FENCE.sub("", folded[name])).strip()
            yield Exercise(name, text, notebook.cells[at].source, notebook.cells[at + 1].source, code, why)


def handout(name: str, lesson: nbformat.NotebookNode, solved: bool) -> nbformat.NotebookNode:
    """A notebook of the lesson's exercises alone, with stubs, or `solved`; `name` is the lesson's, without suffix."""
    title = lesson.cells[0].source.splitlines()[0].removeprefix("# ")
    first = f"# {'Solutions' if solved else 'Exercises'}: {title}\n\nThe lesson: [{name[:2]}]({name}.ipynb)."
    setup = next(cell.source for cell in lesson.cells if cell.cell_type == "code")
    cells = [new_markdown_cell(from_build(first)), new_code_cell(setup)]
    for one in exercises(lesson):
        cells += [new_markdown_cell(from_build(one.text)), new_code_cell(one.solution if solved else one.stub)]
        cells.append(new_code_cell(one.check))
        if solved and one.why:
            cells.append(new_markdown_cell(from_build(one.why)))
    for number, cell in enumerate(cells):
        cell["id"] = f"cell-{number:02}"
    return new_notebook(cells=cells, metadata={"kernelspec": dict(KERNELSPEC), "language_info": {"name": "python"}})


def from_build(text: str) -> str:
    """Markdown of notebooks/ with its links as they are from a folder of build/."""
    return LINK.sub("](../../notebooks/", text)


def write(folder: Path = BUILD) -> list[Path]:
    """Write exercises/ and solutions/ below `folder`; returns the files."""
    written = []
    for path in sorted(NOTEBOOKS.glob("*.ipynb")):
        lesson = nbformat.read(path, as_version=4)
        if not any(exercises(lesson)):
            continue
        for kind in ("exercises", "solutions"):
            target = folder / kind / path.name
            target.parent.mkdir(parents=True, exist_ok=True)
            write_whole(handout(path.stem, lesson, kind == "solutions"), target)
            written.append(target)
    return written


if __name__ == "__main__":
    print(f"{len(write()) // 2} lessons with exercises: {BUILD.name}/exercises, {BUILD.name}/solutions")
