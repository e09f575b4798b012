"""Write lessons' slides: of every notebook with tagged cells one HTML file, which needs no network and no kernel.

`python -m tools.slides [NAME ...]` (`make slides`) writes build/slides/NN_topic.html. First comes the title cell,
then cells by their tags: `slide` begins a slide, `slide-part` stays on it, and of a code cell both show what it
showed; `slide-code` shows its code, too. Arrow keys, Page Up and Page Down turn; printed, a slide is a page.
"""

import re
import sys
from base64 import b64encode
from io import BytesIO
from pathlib import Path
from string import Template
from typing import Annotated

import nbformat
import typer
from matplotlib import mathtext
from matplotlib.font_manager import FontProperties
from nbconvert import HTMLExporter
from pygments.formatters import HtmlFormatter

from helpers import BUILD
from helpers.errors import InputError
from helpers.files import save_text
from tools.execute import find
from tools.handouts import from_build

SLIDE, PART, CODE = "slide", "slide-part", "slide-code"
FORMULA = re.compile(r"\$\$(.+?)\$\$|\$([^$`\n]+?)\$", re.DOTALL)
ROOT_OF = re.compile(r"\\sqrt ?(\w|\\\w+)")  # of one letter, without the braces that matplotlib wants
HEIGHT = re.compile(rb'height="([\d.]+)pt"')
POINTS = 10  # size of the letters that a formula is drawn with


class Page(Template):
    delimiter = "@"  # a dollar begins a formula; @page and @media are not names of ours


def slides(notebook: nbformat.NotebookNode) -> list[list[nbformat.NotebookNode]]:
    """The cells of each slide, the title's first; empty for a notebook without a tagged cell."""
    found = [[on_slide(notebook.cells[0])]]
    for cell in notebook.cells[1:]:
        tags = {SLIDE, PART, CODE} & set(cell.metadata.get("tags", []))
        if SLIDE in tags:
            found.append([])
        if tags:
            found[-1].append(on_slide(cell))
    return found if sum(map(len, found)) > 1 else []


def on_slide(cell: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """The cell as a lone file can show it: links from build/, formulas as pictures, code only where it is tagged so."""
    shown = nbformat.from_dict(cell)
    shown["metadata"] = nbformat.from_dict({"transient": {"remove_source": CODE not in cell.metadata.get("tags", [])}})
    if cell.cell_type == "markdown":
        shown["source"] = FORMULA.sub(lambda found: drawn(found[1] or found[2]), from_build(cell.source))
        shown["metadata"] = nbformat.from_dict({})
    return shown


def drawn(formula: str) -> str:
    """A formula of LaTeX as an HTML picture as high as the letters beside it. ValueError where matplotlib cannot."""
    svg = BytesIO()
    text = ROOT_OF.sub(r"\\sqrt{\1}", formula.strip().replace("tfrac", "dfrac"))
    depth = mathtext.math_to_image(f"${text}$", svg, FontProperties(size=POINTS), format="svg")
    height = float(HEIGHT.search(svg.getvalue())[1])
    style = f"height:{height / POINTS:.2f}em;vertical-align:-{depth / POINTS:.2f}em"
    return f'<img class="math" style="{style}" src="data:image/svg+xml;base64,{b64encode(svg.getvalue()).decode()}">'


def deck(title: str, found: list[list[nbformat.NotebookNode]]) -> str:
    """The slides as one HTML file."""
    exporter = HTMLExporter(template_name="basic", exclude_input_prompt=True, exclude_output_prompt=True)
    bodies = [exporter.from_notebook_node(nbformat.v4.new_notebook(cells=cells))[0] for cells in found]
    page = Page((Path(__file__).parent / "slides.html").read_text(encoding="utf-8"))
    sections = "\n".join(f"<section><div>{body}</div></section>" for body in bodies)
    code = HtmlFormatter().get_style_defs(".highlight")
    return page.safe_substitute(title=title, slides=sections, code=code)


def write(paths: list[Path], folder: Path = BUILD / "slides") -> list[Path]:
    """Write the decks of those notebooks that have tagged cells; returns the files."""
    written = []
    for path in paths:
        if found := slides(nbformat.read(path, as_version=4)):
            folder.mkdir(parents=True, exist_ok=True)
            target = folder / f"{path.stem}.html"
            save_text(target, deck(path.stem, found))
            print(f"{target.name}: {len(found)} slides")
            written.append(target)
    return written


def main(names: Annotated[list[str] | None, typer.Argument(help="such as 02; none means all")] = None) -> None:
    """Write slides; exit 2 when a name is wrong."""
    try:
        write(find(names or []))
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        raise SystemExit(2) from error


if __name__ == "__main__":
    typer.run(main)
