"""The cleaner in several processes: the same bytes, and what happens when a worker fails, dies or is interrupted."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest
from clean_tools import WordTokenizer, ask, lines

from helpers import DATA
from helpers.clean import WorkerError, clean_files, workers
from helpers.errors import InputError


class FailingTokenizer(WordTokenizer):
    def __call__(self, text, **_):
        if "row 70" in text:
            raise ZeroDivisionError("as a bug would")
        return super().__call__(text)


class DyingTokenizer(WordTokenizer):
    """Kills the process that counts row 70, as the kernel does when the memory is used up."""

    def __call__(self, text, **_):
        if "row 70" in text:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().__call__(text)


class HomeboundTokenizer(WordTokenizer):
    def __getstate__(self):
        raise TypeError("it holds a lock")


@pytest.fixture
def small_pieces(monkeypatch):
    """Pieces of seven rows, their server after the first, and workers from the third piece on."""
    monkeypatch.setattr(workers, "CHUNK_ROWS", 7)
    monkeypatch.setattr(workers, "FIRST_CHUNKS", 2)
    monkeypatch.setattr(workers, "SERVER_AFTER", 1)


def mixed_rows(folder):
    """Good rows, broken ones, exact and near duplicates far apart and close together, in three formats."""
    rows = [ask(f"What is number {n % 90} plus {n * n % 41}, please say it in words?", f"It is {n % 90} and {n * n % 41}.") for n in range(110)]  # fmt: skip
    rows += [ask(f"{row['instruction']} Thanks!", row["output"]) for row in rows[:20]]
    content = lines(*rows[:60]) + b'not json\n{"instruction": "a"}\n' + lines(*rows[60:]) + lines(*rows[5:9])
    paths = [folder / "a.jsonl", folder / "b.json", folder / "c.csv"]
    paths[0].write_bytes(content)
    paths[1].write_text(json.dumps(rows[::9] + [ask("Broken \ufffd text", "yes")]))
    paths[2].write_text('question,answer\nHow many?,3\n<p>How far?</p>,7 miles\n"open,2\n')
    return paths


def outputs(folder, sources, **options):
    paths = [folder / name for name in ("clean.jsonl", "rejects.jsonl", "report.json")]
    seen = []
    settings = {"tokenizer": WordTokenizer(), "observe": lambda raw, *said: seen.append((raw.file, raw.line, *said))}
    clean_files(sources, *paths, **settings | options)
    return [path.read_bytes() for path in paths], seen


@pytest.mark.slow
def test_the_same_bytes_whatever_the_number_of_workers(tmp_path, small_pieces, monkeypatch):
    sources = mixed_rows(tmp_path)
    alone = outputs(tmp_path, sources)
    assert len(alone[1]) > 120 and b"near_duplicate" in alone[0][1] and b"broken_csv" in alone[0][1]
    assert outputs(tmp_path, sources, workers=2) == alone
    for count, rows in ((3, 7), (2, 1), (2, 31)):
        monkeypatch.setattr(workers, "CHUNK_ROWS", rows)
        assert outputs(tmp_path, sources, workers=count) == alone, (count, rows)


def test_few_rows_start_no_process(tmp_path, monkeypatch):
    monkeypatch.setattr(workers, "ProcessPoolExecutor", None)
    monkeypatch.setattr(workers, "_start_server", None)
    assert workers.FIRST_CHUNKS * workers.CHUNK_ROWS == 1500  # as the help of --workers says
    (tmp_path / "in.jsonl").write_bytes(lines(*(ask(f"Question {n}", "yes") for n in range(400))))
    outputs(tmp_path, [tmp_path / "in.jsonl"], workers=2)


def hundred_rows(folder):
    source = folder / "in.jsonl"
    source.write_bytes(lines(*(ask(f"Is this row {n}?", "yes") for n in range(100))))
    return source


@pytest.mark.slow
@pytest.mark.parametrize(
    ("tokenizer", "error"),
    [
        (FailingTokenizer(), pytest.raises(ZeroDivisionError, match="as a bug would")),
        (DyingTokenizer(), pytest.raises(WorkerError, match="killed.*nothing was written.*--workers 1")),
        (HomeboundTokenizer(), pytest.raises(InputError, match="use one worker")),
    ],
)
def test_a_failure_in_a_worker_leaves_nothing(tmp_path, small_pieces, tokenizer, error):
    source = hundred_rows(tmp_path)
    with error:
        clean_files([source], tmp_path / "out", tmp_path / "rejects", tokenizer=tokenizer, workers=2)
    assert list(tmp_path.iterdir()) == [source]


INTERRUPTED = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)  # which a shell's background job, and its children, ignore
from helpers.clean import workers
from helpers.cli import main
workers.CHUNK_ROWS, workers.FIRST_CHUNKS, workers.SERVER_AFTER = 20, 2, 0
if __name__ == "__main__":
    main()
"""


def descendants(pid: int) -> set[int]:
    import psutil

    return {child.pid for child in psutil.Process(pid).children(recursive=True)}


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "killpg"), reason="a terminal's Ctrl-C is sent in another way here")
def test_ctrl_c_and_a_killed_parent_leave_no_file_and_no_process(tmp_path):
    import psutil

    source, script = tmp_path / "in.jsonl", tmp_path / "script.py"
    script.write_text(INTERRUPTED)
    source.write_bytes(lines(*(ask(f"Is this row {n}?", f"yes {n}") for n in range(60_000))))
    command = [sys.executable, script, "clean", source, "--out", tmp_path / "o", "--rejects", tmp_path / "r"]
    environment = {**os.environ, "PYTHONPATH": str(DATA.parent)}
    for how in (signal.SIGINT, signal.SIGKILL):
        run = subprocess.Popen(
            [*command, "--workers", "2"], stderr=subprocess.PIPE, text=True, start_new_session=True, env=environment
        )
        born: set[int] = set()
        while len(born) < 4 and run.poll() is None:  # two workers, their server, multiprocessing's own tracker
            time.sleep(0.05)
            born = descendants(run.pid)
        assert run.poll() is None, "it ended before it could be interrupted"
        os.killpg(run.pid, how) if how == signal.SIGINT else os.kill(run.pid, how)
        _, said = run.communicate(timeout=60)
        assert run.returncode == (130 if how == signal.SIGINT else -9)
        for _ in range(200):
            if not any(psutil.pid_exists(pid) for pid in born):
                break
            time.sleep(0.1)
        assert not [pid for pid in born if psutil.pid_exists(pid)], how
        if how == signal.SIGINT:
            assert "Traceback" not in said
            assert sorted(tmp_path.iterdir()) == [source, script]
