"""What `make slides` writes: the tagged cells, one file a lesson, nothing clipped and nothing asked of a network."""

import re
import shutil

import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from notebook_gates import broken_links, links

from helpers import NOTEBOOKS
from tools import slides
from tools.ledger import read_notebooks

DECKS = [name for name, book in read_notebooks().items() if slides.slides(book)]


def tagged(cell, *tags: str):
    cell.metadata["tags"] = list(tags)
    return cell


def printing(source: str, text: str):
    return new_code_cell(source, outputs=[new_output("stream", text=text)])


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """The decks of all lessons, by name."""
    folder = tmp_path_factory.mktemp("build") / "slides"
    return {path.stem: path for path in slides.write(sorted(NOTEBOOKS.glob("*.ipynb")), folder)}


def test_tags_say_what_stands_on_which_slide():
    cells = [
        new_markdown_cell("# The title"),
        printing("left_out = 1", "never shown"),
        tagged(new_markdown_cell("## One, see [02](02_lora_math.ipynb)"), "slide"),
        tagged(printing("hidden = 1", "first output"), "slide-part"),
        tagged(new_markdown_cell(r"## Two: $\tfrac{a}{\sqrt r}$"), "slide"),
        tagged(printing("shown = 1", "second output"), "slide-code", "check"),
    ]
    found = slides.slides(new_notebook(cells=cells))
    assert [len(cells) for cells in found] == [1, 2, 2]
    page = slides.deck("x", found)
    one, two = page.split("<section>")[2:]
    assert "first output" in one and 'href="../../notebooks/02_lora_math.ipynb"' in one and "hidden" not in one
    assert "second output" in two and "shown" in two and "data:image/svg" in two and "$" not in two.split("<script>")[0]
    assert "never shown" not in page and "left_out" not in page
    assert cells[2].source.endswith("(02_lora_math.ipynb)")  # the notebook itself stays as it is


def test_a_lesson_without_tags_has_no_slides():
    assert slides.slides(new_notebook(cells=[new_markdown_cell("# T"), printing("a", "b")])) == []


def test_a_few_lessons_have_them(written):
    assert list(written) == DECKS and len(DECKS) >= 3


@pytest.mark.parametrize("name", DECKS)
def test_a_deck_fetches_nothing_and_its_links_are_there(name, written):
    page = written[name].read_text(encoding="utf-8")
    assert not re.findall(r"<link\b|<script [^>]*src|@import|src=\"(?!data:)|url\((?!data:)", page)
    assert not broken_links(page.replace("../../notebooks/", "notebooks/"), NOTEBOOKS.parent)
    assert len(links(page)) > 2 and page.count("<section>") > 5


@pytest.mark.slow
def test_in_a_browser_every_slide_is_whole_and_nothing_is_asked_for(written):
    browsers = pytest.importorskip("playwright.sync_api")
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("no Chromium on this machine")
    with browsers.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1280, "height": 720})
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        for name, path in written.items():
            page.goto(path.as_uri())
            inner = "slides.map(slide => slide.firstElementChild)"
            sizes = page.evaluate(f"{inner}.map(e => [e.scrollHeight, e.scrollWidth - e.clientWidth])")
            letters = page.evaluate(f"{inner}.map(e => parseFloat(getComputedStyle(e).fontSize))")
            assert all(height <= 720 and over <= 0 for height, over in sizes), name
            assert min(letters) >= 14, (name, letters)  # pixels: a fuller slide is to be cut in two
            page.keyboard.press("ArrowRight")
            page.wait_for_function("Math.round(scrollY / innerHeight) == 1")
        assert not [url for url in asked if not url.startswith(("file:", "data:"))]
        browser.close()
