"""Every error notebook's own cells: the library raises, the doctor knows it, and the fix, nothing else, cures it."""

import gc
import json
import os
import signal
import subprocess
import sys
import sysconfig
import time
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import forked_kernels
import nbformat
import psutil
import pytest
from jupyter_client.provisioning import local_provisioner
from jupyter_core.utils import ensure_event_loop
from nbclient.exceptions import DeadKernelError
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from typer.testing import CliRunner

from helpers import NOTEBOOKS, ROOT, cli, doctor, reproduce
from helpers.doctor import diagnosis
from helpers.errors import InputError
from tools import ledger

LESSONS = reproduce.lessons()
NUMBER = Counter(lesson.notebook for lesson in LESSONS.values())
ALONE = [case for case, lesson in LESSONS.items() if NUMBER[lesson.notebook] == 1]
GALLERY = [case for case in LESSONS if case not in ALONE]
# What it sets counts only before the hub's library is imported.
FIRST_IN_ITS_KERNEL = "could_not_load_model"
CASES = {case.id: case for case in doctor.load()}
KERNEL = reproduce.KERNELSPEC["name"]
LIBRARIES = [Path(sysconfig.get_path(name)).resolve() for name in ("purelib", "platlib", "stdlib")]


# The hub's library tries five times, and waits up to 8 s in between, for each file; here it tries as often.
HURRY = "import time; time.sleep = lambda seconds, wait=time.sleep: wait(min(seconds, 0.1))"
HURRY_HERE_AND_IN_A_NEW_PYTHON = f"""{HURRY}
import subprocess
def hurried(command, run=subprocess.run, **options):
    return run([*command[:2], {HURRY + chr(10)!r} + command[2]] if command[1] == "-c" else command, **options)
subprocess.run = hurried"""


def is_library(file: str) -> bool:
    """Whether the file belongs to Python or an installed package, and so neither to this repository nor a notebook.

    jinja2 calls its frames of a template <template>.
    """
    return file.startswith(("<frozen ", "<template>")) or any(
        Path(file).resolve().is_relative_to(folder) for folder in LIBRARIES
    )


def expected(lesson: reproduce.Lesson) -> str:
    import torch

    return lesson.case if torch.cuda.is_available() or not lesson.without_gpu else lesson.without_gpu


def problems(lesson: reproduce.Lesson, directory: Path = NOTEBOOKS, kernel: str = KERNEL, first: str = "") -> list[str]:
    """What is wrong with a lesson: in a fresh kernel all its tagged cells in their order, and in another all but the
    fix, where the proof must fail. Each begins with the cell `first`."""
    cells = lesson.cells(reproduce.KINDS, directory)

    def run(kinds: Sequence[str]) -> list[reproduce.Step]:
        with reproduce.kernel(kernel) as execute:
            assert not execute("", first).error
            return [execute(kind, source) for kind, source in cells if kind in kinds]

    steps = run(("setup", *reproduce.KINDS))
    kinds = [step.kind for step in steps]
    raising = [step for step in steps if step.kind == "reproduce"]
    unrepaired = [step for step in run(("setup", "reproduce", "proof")) if step.kind == "proof"]
    raised, wrong = raising[-1], [f"{step.kind} cell raised: {step.error}" for step in steps[:1] if step.error]
    wrong += [f"an earlier reproduce cell raised: {step.error}" for step in raising[:-1] if step.error]
    wrong += [f"the {kind} cells are missing" for kind in reproduce.KINDS if kind not in kinds]
    known = CASES[expected(lesson)]
    if raised.error not in known.types:
        wrong.append(f"raised {raised.error or 'nothing'}, which is no type of {known.id}")
    if not is_library(raised.raised_in):
        wrong.append(f"raised in {raised.raised_in}, which is no library")
    named = doctor.diagnose(raised.traceback).case
    if named != known.id:
        wrong.append(f"the doctor says {named}, not {known.id}")
    failed = [step.error for step in unrepaired if step.error]
    if not failed or failed[0] == "NameError":
        wrong.append(f"without the fix the proof ends with {failed or 'success'}")
    wrong += [
        f"{step.kind} cell after the error: {step.error}"
        for step in steps
        if step.error and step.kind in ("fix", "proof")
    ]
    return wrong


def test_there_are_lessons_and_each_is_in_the_catalogue():
    assert LESSONS
    for lesson in LESSONS.values():
        assert CASES[lesson.case].notebook == lesson.notebook
        assert lesson.without_gpu is None or lesson.without_gpu in CASES


def test_the_gallery_has_every_case_that_names_it():
    galleries = {LESSONS[case].notebook for case in GALLERY}
    assert sorted(GALLERY) == [case.id for case in CASES.values() if case.notebook in galleries]
    assert len(GALLERY) >= 15


@pytest.fixture(scope="module")
def forked(tmp_path_factory):
    """The name of kernels that need not import the libraries."""
    with forked_kernels.kernelspec(tmp_path_factory.mktemp("forked")) as name:
        yield name


def undefined(lessons: dict[str, reproduce.Lesson], directory: Path, folder: Path) -> list[str]:
    """What the cells of a lesson name before a tagged cell of it has defined or imported it, in their own order."""
    for case, lesson in lessons.items():
        cells = [new_code_cell(source) for _, source in lesson.cells(reproduce.KINDS, directory)]
        nbformat.write(new_notebook(cells=cells), folder / f"{case}.ipynb")
    command = [sys.executable, "-m", "ruff", "check", "--isolated", "--select", "F821", "--output-format", "concise"]
    done = subprocess.run([*command, str(folder)], capture_output=True, text=True)
    assert "syntax" not in done.stdout and not done.stderr, done.stdout + done.stderr
    return [Path(line).name for line in done.stdout.splitlines() if "F821" in line]


def test_each_case_defines_what_it_names_in_its_own_tagged_cells(tmp_path):
    assert not undefined(LESSONS, NOTEBOOKS, tmp_path)
    assert len(list(tmp_path.iterdir())) == len(LESSONS) > 40


def test_a_name_of_another_cell_is_found(tmp_path):
    folder = tmp_path / "cells"
    folder.mkdir()
    late = {"fix": "encoding = gbk", "proof": "gbk = 'gb18030'\n" + SAMPLE["proof"]}
    found = undefined({"late": sample(tmp_path, **late)}, tmp_path, folder)
    assert len(found) == 1 and "`gbk`" in found[0]


LEAVE = "import os, torch; os.environ['LEFT'] = torch.left = left = '1'; os.chdir('/')"
LOOK = """import os, torch
print(os.getpid(), 'left' in globals(), hasattr(torch, 'left'), 'LEFT' in os.environ, os.getcwd() == '/')"""


@pytest.mark.slow
def test_a_kernel_finds_nothing_that_another_left(forked):
    with reproduce.kernel(forked) as one, reproduce.kernel(forked) as other:
        assert not one("", LEAVE).error
        seen = [execute("", LOOK).printed.split() for execute in (one, other)]
    assert [facts[1:] for facts in seen] == [["True"] * 4, ["False"] * 4] and seen[0][0] != seen[1][0]


@pytest.mark.slow
@pytest.mark.parametrize("case", [case for case in LESSONS if case != FIRST_IN_ITS_KERNEL])
def test_the_library_raises_the_doctor_knows_and_only_the_fix_cures(case, forked):
    wrong = problems(LESSONS[case], kernel=forked)
    assert not wrong, "; ".join(wrong)


@pytest.mark.slow
def test_the_hubs_library_raises_the_doctor_knows_and_only_the_fix_cures():
    wrong = problems(LESSONS[FIRST_IN_ITS_KERNEL], first=HURRY_HERE_AND_IN_A_NEW_PYTHON)
    assert not wrong, "; ".join(wrong)


RAISE = "open('t', 'wb').write(b'\\xd6\\xd0')\nread('t')"
SAMPLE = {
    "setup": "from pathlib import Path",
    "reproduce": f"encoding = 'utf-8'\ndef read(path):\n    return Path(path).read_text(encoding=encoding)\n{RAISE}",
    "fix": "encoding = 'gb18030'",
    "proof": "assert read('t') == '\\u4e2d'",
}
SPOILED = {
    "raised in the cell itself": {"reproduce": SAMPLE["reproduce"].replace("read('t')", "b'\xd6'.decode('utf-8')")},
    "raised by hand, of the right type": {"reproduce": "raise UnicodeDecodeError('utf-8', b'x', 0, 1, 'by hand')"},
    "nothing raised": {"reproduce": SAMPLE["reproduce"].removesuffix("read('t')")},
    "an error of another kind": {"reproduce": SAMPLE["reproduce"].replace("read('t')", "read('absent')")},
    "no fix": {"fix": "pass"},
    "a fix that needs a name of the proof": {
        "fix": "encoding = gbk",
        "proof": "gbk = 'gb18030'\n" + SAMPLE["proof"],
    },
    "a fix that raises": {"fix": "encoding = 'gb18030'; read('absent')"},
    "a proof that cannot fail": {"proof": "print('it works')"},
    "a fix that needs what only the proof after it does": {
        "fix": "assert encoding == 'gb18030'",
        "proof": "encoding = 'gb18030'\n" + SAMPLE["proof"],
    },
    "a proof of what only the fix defines": {
        "fix": "encoding = cure = 'gb18030'",
        "proof": "assert cure and read('t')",
    },
}


def sample(folder: Path, **changed: str) -> reproduce.Lesson:
    """A small lesson on the encoding of a file, in `folder`, with some of its cells changed."""
    sources = {**SAMPLE, **changed}
    cells = [new_code_cell(source, metadata={"tags": [kind]}) for kind, source in sources.items()]
    course = {"course": {"case": "unicode_decode_error"}}
    nbformat.write(new_notebook(cells=[new_markdown_cell("# Why?"), *cells], metadata=course), folder / "13_x.ipynb")
    return reproduce.lessons(folder)["unicode_decode_error"]


def test_a_good_lesson_has_no_problems(tmp_path):
    assert problems(sample(tmp_path), tmp_path) == []


@pytest.mark.slow
@pytest.mark.parametrize("name", SPOILED)
def test_problems_catches(name, tmp_path, forked):
    assert problems(sample(tmp_path, **SPOILED[name]), tmp_path, forked), f"let pass: {name}"


def test_problems_catches_swapped_wordings(tmp_path, monkeypatch):
    lesson = sample(tmp_path)
    one, other = CASES["unicode_decode_error"], CASES["missing_input_ids"]
    swapped = [replace(one, wordings=other.wordings), replace(other, wordings=one.wordings)]
    monkeypatch.setattr(diagnosis, "load", lambda: tuple(swapped))
    assert any("the doctor says" in text for text in problems(lesson, tmp_path))


def test_cells_of_a_gallery_serve_the_cases_that_they_name(tmp_path, monkeypatch):
    monkeypatch.setattr(reproduce.Lesson.cells, "__defaults__", (tmp_path,))
    monkeypatch.setattr(reproduce.lessons, "__defaults__", (tmp_path,))
    tags = [["setup"], ["reproduce"], ["reproduce", "case:a", "case:b"], ["reproduce", "case:b"], ["fix", "case:a"]]
    cells = [new_code_cell(str(number), metadata={"tags": tag}) for number, tag in enumerate(tags)]
    nbformat.write(new_notebook(cells=[new_markdown_cell("# Which?"), *cells]), tmp_path / "26_x.ipynb")
    sources = {case: "".join(source for _, source in reproduce.find(case).cells(reproduce.KINDS)) for case in "ab"}
    assert sources == {"a": "0124", "b": "0123"}
    with pytest.raises(InputError, match="26 reproduces several errors; name one of a, b"):
        reproduce.find("26")


@pytest.mark.parametrize(
    ("wanted", "case"),
    [
        ("13", "unicode_decode_error"),
        ("E8", "target_modules_not_found"),
        ("e10", "garbled_output_after_merge"),
        ("8", "target_modules_not_found"),
        ("A24", "could_not_load_model"),
        ("target_modules", "target_modules_not_found"),
        ("Target modules", "target_modules_not_found"),
        ("UnicodeDecodeError", "unicode_decode_error"),
        ("12_error_03_unexpected_keyword_argument", "unexpected_keyword_argument"),
        ("cuda_not_available", "invalid_device_ordinal"),
        ("KeyError: 'input_ids'", "missing_input_ids"),
    ],
)
def test_a_case_is_found_by_what_people_call_it(wanted, case):
    assert reproduce.find(wanted).case == case


@pytest.mark.parametrize(
    ("wanted", "near"),
    [
        ("unicod_decode_eror", "nearest: unicode_decode_error"),
        ("missing_inputs_id", "nearest: missing_input_ids"),
        ("input_ids_mising", ""),
        ("99", ""),
        ("E11", ""),
        ("", ""),
        ("zzz", ""),
        ("26", "name one of "),
    ],
)
def test_a_wrong_name_gets_the_nearest(wanted, near):
    with pytest.raises(InputError) as raised:
        reproduce.find(wanted)
    assert near in str(raised.value) and "\n" not in str(raised.value)


def test_a_terminal_gets_80_columns_and_no_progress_bars():
    bar = "Loading weights:   0%|    | 0/26\rLoading weights: 100%|####| 26/26 [00:00<00:00]\n"
    outputs = [nbformat.v4.new_output("stream", text=bar + "right\nhalf\rwhole\n")]
    assert reproduce.text(outputs) == "right\nwhole\n"
    red = "\x1b[31mred\x1b[0m "
    step = reproduce.Step("reproduce", "x = " + "y" * 99, "灯" * 99, "E", red * 40, "/a/long/" * 20)
    for colours in (True, False):
        shown = reproduce.report(step, colours)
        assert max(map(columns, shown.splitlines())) <= 80 and ("\x1b" in shown) == colours
        assert bare(shown).count("灯") == 99 and bare(shown).count("red") == 40 and "y" * 70 in shown
    listed = reproduce.to_text(list(LESSONS.values())).splitlines()
    assert max(map(len, listed)) <= 80 and len(listed) >= len(LESSONS)


def bare(text: str) -> str:
    """The text without colours, spaces and line breaks."""
    return "".join(reproduce.ANSI.sub("", text).split())


def columns(line: str) -> int:
    line = reproduce.ANSI.sub("", line)
    return len(line) + sum(unicodedata.east_asian_width(letter) in "WF" for letter in line)


@pytest.mark.slow
def test_run_stops_where_something_goes_otherwise(tmp_path, monkeypatch):
    monkeypatch.setattr(reproduce.Lesson.cells, "__defaults__", (tmp_path,))
    good = reproduce.run_lesson(sample(tmp_path))
    assert [step.kind for step in good.steps] == ["setup", "reproduce", "fix", "proof"] and not good.failure
    assert good.diagnosis.case == "unicode_decode_error"
    assert "should have raised" in reproduce.run_lesson(sample(tmp_path, **SPOILED["nothing raised"])).failure
    assert "proof cell: raised" in reproduce.run_lesson(sample(tmp_path, fix="pass")).failure
    assert not reproduce.run_lesson(sample(tmp_path), ["reproduce"]).failure
    assert (
        "reproduce cell: Kernel died"
        in reproduce.run_lesson(sample(tmp_path, reproduce="import os\nos._exit(1)")).failure
    )
    other = reproduce.run_lesson(sample(tmp_path, **SPOILED["an error of another kind"]), ["reproduce"])
    assert "the doctor says " in other.failure


def test_the_list_names_every_error_notebook():
    listed = json.loads(CliRunner().invoke(cli.app, ["reproduce", "--list", "--json"]).stdout)
    assert [lesson["case"] for lesson in listed if lesson["case"] in ALONE] == [
        book.metadata["course"]["case"] for book in ledger.read_notebooks().values() if "course" in book.metadata
    ]
    assert all(lesson["title"] and lesson["case"] in CASES for lesson in listed)
    shown = CliRunner().invoke(cli.app, ["reproduce"]).stdout
    assert all(case in shown for case in LESSONS)


def test_ctrl_c_ends_with_one_line(monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(reproduce, "run_lesson", interrupted)
    ended = CliRunner().invoke(cli.app, ["reproduce", "13"])
    assert ended.exit_code == 130 and ended.stderr == "stopped; nothing is left behind\n" and not ended.stdout


def test_a_kernel_that_jupyter_never_heard_of_is_stopped(monkeypatch):
    """The worst moment for Ctrl-C: the process is there, and whoever asked for it has not got it yet."""
    started = []

    def interrupted(*arguments, launch=local_provisioner.launch_kernel, **options):
        started.append(launch(*arguments, **options))
        raise KeyboardInterrupt

    monkeypatch.setattr(local_provisioner, "launch_kernel", interrupted)
    with pytest.raises(KeyboardInterrupt), reproduce.kernel():
        pass
    assert len(started) == 1 and not psutil.pid_exists(started[0].pid)


def test_how_an_interrupted_cell_ends_is_not_told(caplog):
    """nbclient's task goes on while the kernel is stopped, and ends with an exception that nobody will ask for."""

    async def cell():
        raise DeadKernelError("Kernel died")

    with pytest.raises(KeyboardInterrupt), reproduce.kernel():
        ensure_event_loop().create_task(cell())
        raise KeyboardInterrupt
    gc.collect()
    ensure_event_loop().set_exception_handler(None)
    assert not caplog.text


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="no SIGINT for a group of processes")
@pytest.mark.parametrize("seconds", [0, 1, 3])
def test_ctrl_c_while_the_kernel_starts_or_works_ends_with_one_line(seconds, tmp_path):
    command = [sys.executable, "-m", "helpers", "reproduce", "could_not_load_model"]  # the longest
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(tmp_path)}
    # a job in the background ignores SIGINT, and what it starts would, too
    options = {"start_new_session": True, "preexec_fn": lambda: signal.signal(signal.SIGINT, signal.SIG_DFL)}
    run = subprocess.Popen(command, env=environment, stdout=-1, stderr=-1, text=True, **options)
    while not psutil.Process(run.pid).children():
        time.sleep(0.01)
    kernels = psutil.Process(run.pid).children()
    time.sleep(seconds)
    os.killpg(run.pid, signal.SIGINT)
    said = run.communicate(timeout=60)[1]
    assert (run.returncode, said) == (130, "stopped; nothing is left behind\n")
    assert not psutil.wait_procs(kernels, timeout=10)[1] and not list(tmp_path.glob("reproduce-*"))


@pytest.mark.slow
def test_the_command_shows_everything_and_leaves_nothing(tmp_path):
    """In its own process, home and temporary directory: the error, the card, fix and proof; with --only, the error."""
    home, scratch = tmp_path / "home", tmp_path / "scratch"
    for folder in (home, scratch):
        folder.mkdir()
    places = dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(scratch)) | {"HOME": str(home), "USERPROFILE": str(home)}

    def command(*arguments: str) -> subprocess.CompletedProcess:
        whole = [sys.executable, "-m", "helpers", "reproduce", *arguments]
        environment = {**os.environ, **places, "PYTHONPATH": str(ROOT)}
        return subprocess.run(whole, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=600)

    whole, only, unknown = command("13"), command("unicode_decode_error", "--only", "reproduce"), command("nonsense")
    assert (whole.returncode, only.returncode, unknown.returncode) == (0, 0, 2), whole.stderr + only.stderr
    assert "no notebook reproduces 'nonsense'" in unknown.stderr and len(unknown.stderr.splitlines()) == 1
    for text in ("UnicodeDecodeError", "[unicode_decode_error,", "--- fix", "--- proof", "\n(raised in "):
        assert text in whole.stdout
        assert (text in only.stdout) == (text in ("UnicodeDecodeError", "\n(raised in "))
    assert "\x1b[" not in whole.stdout
    left = [path for folder in (home, scratch, tmp_path) for path in folder.rglob("*") if path.is_file()]
    assert left == []
