"""The stamp: the same setup cell in every notebook, its address written from one place."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from helpers import NOTEBOOKS
from helpers.errors import InputError
from tools import stamp
from tools.execute import SECRET

GITHUB = "https://github.com/someone/lora-course.git"


def notebooks() -> list[Path]:
    return sorted(NOTEBOOKS.glob("*.ipynb"))


def first_code(path: Path):
    return next(cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code")


@pytest.mark.parametrize("path", notebooks(), ids=lambda path: path.stem)
def test_every_notebook_opens_with_the_stamped_cell(path):
    cell = first_code(path)
    assert "setup" in cell.metadata.tags
    assert cell.source == stamp.setup_cell(stamp.address()), "run make stamp"
    badge = stamp.badge(stamp.address(), path.name)
    title = nbformat.read(path, as_version=4).cells[0].source
    assert title.count(stamp.BADGE) == bool(badge)
    assert badge in title


@pytest.mark.parametrize("url", ["", GITHUB])
def test_cell_is_at_most_five_short_lines(url):
    lines = stamp.setup_cell(url).splitlines()
    assert len(lines) <= 5
    assert max(map(len, lines)) <= 120
    assert (url in stamp.setup_cell(url)) and not re.search(r"pip install", stamp.setup_cell(url))


def test_unstamped_and_alone_it_says_in_one_line_what_to_do(tmp_path):
    alone = [sys.executable, "-S", "-E", "-c", stamp.setup_cell("")]
    done = subprocess.run(alone, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 1
    assert "open this in an installed clone" in done.stderr.splitlines()[-1]


@pytest.fixture
def course(tmp_path):
    """A small course of its own: two notebooks and a pyproject."""
    for name in ("00_a.ipynb", "01_b.ipynb"):
        cells = [
            nbformat.v4.new_markdown_cell("# Why?\n\nWhat you will see: 1 minute."),
            nbformat.v4.new_code_cell("old", metadata={"tags": ["setup"]}),
            nbformat.v4.new_code_cell("print(1)"),
        ]
        nbformat.write(nbformat.v4.new_notebook(cells=cells), tmp_path / name)
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "x"\n\n[tool.course]\nurl = ""\n\n[tool.ruff]\n')
    return tmp_path


def test_stamping_reaches_every_place_and_twice_is_once(course):
    pyproject = course / "pyproject.toml"
    stamp.stamp("", course, pyproject)
    before = {path: path.read_text() for path in course.iterdir()}
    assert len(stamp.stamp(GITHUB, course, pyproject)) == 3
    assert stamp.address(pyproject) == GITHUB
    for path in course.glob("*.ipynb"):
        assert first_code(path).source == stamp.setup_cell(GITHUB)
        title = nbformat.read(path, as_version=4).cells[0].source
        assert title.startswith("# Why?\n\n[![Open in Colab]")
        assert title.endswith(f"someone/lora-course/blob/main/notebooks/{path.name})\n\nWhat you will see: 1 minute.")
    assert stamp.stamp(GITHUB, course, pyproject) == []
    stamp.stamp("https://git.example.org/other.git", course, pyproject)
    assert all(stamp.BADGE not in path.read_text() for path in course.glob("*.ipynb"))
    stamp.stamp("", course, pyproject)
    assert {path: path.read_text() for path in course.iterdir()} == before


@pytest.mark.parametrize(
    "url", ["a b", "x;rm", "$(x)", "-u", "https://me:secret@host/x", "https://secret@host/x", 'x"y', "{x}"]
)
def test_an_address_that_would_run_or_leak_is_refused(course, url):
    with pytest.raises(InputError):
        stamp.stamp(url, course, course / "pyproject.toml")
    assert stamp.address(course / "pyproject.toml") == ""


def test_a_notebook_without_setup_cell_stops_everything(course):
    nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell("# x")]), course / "02_c.ipynb")
    with pytest.raises(InputError, match="02_c"):
        stamp.stamp(GITHUB, course, course / "pyproject.toml")
    assert stamp.address(course / "pyproject.toml") == "" and GITHUB not in (course / "00_a.ipynb").read_text()


def test_the_stamped_address_holds_no_secret():
    assert not SECRET.search(stamp.address())


@pytest.fixture
def clone(tmp_path, monkeypatch):
    """An empty git repository that stands for the course's clone; returns how to set its origin."""
    if not shutil.which("git"):
        pytest.skip("no git here")

    def git(*arguments: str) -> None:
        subprocess.run(["git", "-C", str(tmp_path), *arguments], check=True, capture_output=True)

    monkeypatch.setattr(stamp.origin, "__defaults__", (tmp_path,))
    git("init", "-q")
    return lambda url: git("remote", "add", "origin", url)


@pytest.mark.parametrize(
    "remote, public",
    [
        (GITHUB, GITHUB),
        ("git@github.com:someone/lora-course.git", GITHUB),
        ("ssh://git@github.com/someone/lora-course.git", GITHUB),
        ("https://token@github.com/someone/lora-course.git", GITHUB),
        ("https://me:secret@github.com/someone/lora-course.git", GITHUB),
    ],
)
def test_without_an_address_it_takes_the_clones_origin(clone, course, monkeypatch, capsys, remote, public):
    clone(remote)
    monkeypatch.setattr(stamp.stamp, "__defaults__", (course, course / "pyproject.toml"))
    assert stamp.main([]) == 0
    assert stamp.address(course / "pyproject.toml") == public
    assert all(public in first_code(path).source for path in course.glob("*.ipynb"))
    assert stamp.main(["--clear"]) == 0
    assert stamp.address(course / "pyproject.toml") == "" and "address: none" in capsys.readouterr().out


@pytest.mark.parametrize("remote", [None, "/somewhere/course.git", "../course", "file:///somewhere/course.git"])
def test_without_an_origin_that_others_can_fetch_it_says_so(clone, capsys, remote):
    if remote:
        clone(remote)
    assert stamp.main([]) == 2
    assert "make stamp URL=" in capsys.readouterr().err
