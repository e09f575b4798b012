"""The cleaner's books and promises: no row lost whatever comes in, twice is once, whole files, bounded memory, exit codes."""

import gc
import json
import os
import string
import subprocess
import sys
import tempfile
import tracemalloc
from pathlib import Path

import pytest
from clean_tools import LetterTokenizer, WordTokenizer, ask, clean_bytes, clean_paths, contents, lines
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from helpers import DATA
from helpers.chats import INSTRUCTION
from helpers.clean import clean_files
from helpers.clean.scoring import Observer, restored_exactly, score_defects
from helpers.errors import InputError
from helpers.files import load_jsonl

quick = settings(max_examples=200, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))

NASTY = st.text(
    st.one_of(
        st.characters(),
        st.sampled_from(
            list("<>&;{}[]\"'\\`@+#-._,:，。０１９Ａｚ０　\u200b\u200d\ufeff\x00\x1b\x85Ãâ€å®¢") + list(string.digits)
        ),
    )
)
PIECES = st.lists(
    st.sampled_from(
        [
            "<b>", "</b>", "<br>", "&amp;amp;lt;", "&#38;lt;", "Ã©", "å®¢æˆ·", "瀹㈡埛", "138", "12345678", " ", "１３８", "@a.com", "x", "＠", "\u200b", "\x00", "e\u0301",
            "4111 1111 1111 1111", "+44 20 7946 0958", "Order ", INSTRUCTION, "\n\n", "```", "def f(x):\n    return x", '{"order_id": "', '"}', "，", "the", "<|im_end|>"[:3],
        ]
    ),
    max_size=8,
).map("".join)  # fmt: skip
TEXT = st.one_of(NASTY, PIECES)
JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), TEXT),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(TEXT, inner, max_size=3)),
    max_leaves=6,
)
KEYS = (
    "instruction",
    "input",
    "output",
    "prompt",
    "completion",
    "messages",
    "conversations",
    "answer",
    "system",
    "history",
    "id",
    "chosen",
    "rejected",
    "label",
    "tools",
    "text",
    "question",
    "context",
    "choices",
)
TURN = st.one_of(
    JSON,
    st.fixed_dictionaries(
        {
            "role": st.sampled_from(["user", "assistant", "system", "gpt", "tool", "function_call"]),
            "content": st.one_of(TEXT, JSON),
        },
        optional={"weight": JSON, "tool_calls": JSON, "name": JSON},
    ),
)
ROW = st.one_of(
    JSON,
    st.dictionaries(st.sampled_from(KEYS), st.one_of(TEXT, JSON, st.lists(TURN, max_size=4)), max_size=5),
    st.builds(ask, TEXT.filter(bool), TEXT.filter(bool)),
    st.builds(
        lambda text, answer: {"instruction": INSTRUCTION, "input": text, "output": answer}, TEXT, st.one_of(TEXT, JSON)
    ),
)


def clean_in_new_folder(content: bytes, name: str):
    with tempfile.TemporaryDirectory() as folder:
        first = clean_bytes(Path(folder), content, name)
        (Path(folder) / "clean.jsonl").rename(Path(folder) / "again.jsonl")
        second = clean_paths(Path(folder), [Path(folder) / "again.jsonl"])
    return first, second


@quick
@given(st.lists(ROW, min_size=1, max_size=5), st.booleans())
def test_no_row_is_lost_and_twice_is_once(rows, as_array):
    texts = [json.dumps(row) for row in rows]
    name = "in.json" if as_array else "in.jsonl"
    content = f"[{','.join(texts)}\n]" if as_array else "\n".join(texts)
    (report, kept, _), (again, same, rejects) = clean_in_new_folder(content.encode(), name)
    if as_array or not texts[0].startswith("["):
        assert report.rows_in == len(rows)
    assert same == kept and not rejects and not again.repairs


@quick
@given(st.lists(NASTY, max_size=6), st.sampled_from(["utf-8", "utf-16", "gb18030"]))
def test_lines_of_any_text(texts, encoding):
    # without NULs: "\x00\n01" is two lines of UTF-8 and a line break and a character of UTF-16
    content = "\n".join(text.replace("[", "{").replace("\r", "").replace("\x00", "") for text in texts)
    expected = sum(bool(line.strip()) for line in content.split("\n"))
    with tempfile.TemporaryDirectory() as folder:
        try:
            report, _, _ = clean_bytes(Path(folder), content.encode(encoding, "replace"))
        except InputError:
            return
    assert encoding != "utf-8" or report.rows_in == expected


@quick
@given(st.binary(max_size=300), st.sampled_from(["in.jsonl", "in.json", "in.csv", "in.txt"]))
def test_any_bytes(content, name):
    with tempfile.TemporaryDirectory() as folder:
        try:
            clean_bytes(Path(folder), content, name)
        except InputError as error:
            assert name in str(error)


@quick
@given(st.lists(st.lists(NASTY, min_size=1, max_size=4), max_size=5))
def test_any_csv(records):
    cells = "\n".join(",".join('"' + cell.replace('"', '""') + '"' for cell in record) for record in records)
    with tempfile.TemporaryDirectory() as folder:
        try:
            clean_bytes(Path(folder), ("prompt,completion\n" + cells).encode("utf-8", "replace"), "in.csv")
        except InputError:
            pass


@pytest.mark.slow
def test_shipped_tickets_are_cleaned_to_the_truth_and_twice_is_once(tmp_path):
    tickets = DATA / "tickets"
    observer = Observer()
    options = {"holdout": [tickets / "test.jsonl"], "max_tokens": 700, "tokenizer": LetterTokenizer()}
    report, kept, _ = clean_paths(tmp_path, sorted((tickets / "raw").iterdir()), observe=observer, **options)
    books = {name: len(ids) for name, ids in restored_exactly(kept, load_jsonl(tickets / "clean.jsonl")).items()}
    assert report.rows_in > 2900 and report.kept > 2300
    assert books["equal"] >= 0.995 * report.kept and books["extra"] <= 3 and books["lost"] <= 3
    for score in score_defects(observer.said, load_jsonl(tickets / "defects.jsonl")):
        assert score.seeded >= 8 and score.precision >= 0.95 and score.recall >= 0.95, score
    (tmp_path / "clean.jsonl").rename(tmp_path / "again.jsonl")
    again, same, _ = clean_paths(tmp_path, [tmp_path / "again.jsonl"], **options)
    assert same == kept and not again.rejected and not again.repairs


def test_traps_are_kept_as_they_are(tmp_path):
    """A truth file whose traps the cleaner fell into would pass the scores: hold the traps against the raw text."""
    labels = load_jsonl(DATA / "tickets" / "defects.jsonl")
    traps = {label["id"]: label["traps"][0] for label in labels if label.get("traps")}
    assert {"order_like_phone", "less_than_sign", "real_punctuation", "joined_emoji", "code_in_text", "twin"} == set(
        traps.values()
    )
    clean = {row["id"]: contents(row)[1] for row in load_jsonl(DATA / "tickets" / "clean.jsonl")}
    assert all("[PHONE]" not in clean[row_id] for row_id in traps)
    assert all("<" in clean[row_id] for row_id, trap in traps.items() if trap in ("less_than_sign", "code_in_text"))


GOOD = lines(ask("One question", "1"), ask("Another", "2"), {"broken": 1})


def old_files(folder: Path) -> dict[str, Path]:
    paths = {name: folder / f"{name}.jsonl" for name in ("out", "rejects", "report")}
    for path in paths.values():
        path.write_text("old")
    return paths


def untouched(folder: Path, paths: dict[str, Path]) -> bool:
    return {path.name for path in folder.iterdir()} == {"in.jsonl", *(p.name for p in paths.values())} and all(
        path.read_text() == "old" for path in paths.values()
    )


@pytest.mark.parametrize("error", [OSError("disk full"), KeyboardInterrupt()])
def test_a_crash_in_the_middle_changes_no_file(tmp_path, error):
    source, paths = tmp_path / "in.jsonl", old_files(tmp_path)
    source.write_bytes(GOOD)

    def crash(raw, reason, repairs):
        if raw.row == 2:
            raise error

    with pytest.raises(type(error)):
        clean_files([source], *paths.values(), tokenizer=WordTokenizer(), observe=crash)
    assert untouched(tmp_path, paths)


def test_a_crash_between_the_replacements_changes_no_file(tmp_path, monkeypatch):
    source, paths = tmp_path / "in.jsonl", old_files(tmp_path)
    source.write_bytes(GOOD)
    replace, calls = os.replace, []

    def fail_once(old, new):
        calls.append(new)
        if len(calls) == 2:
            raise OSError("no space")
        replace(old, new)

    monkeypatch.setattr(os, "replace", fail_once)
    with pytest.raises(OSError, match="no space"):
        clean_files([source], *paths.values(), tokenizer=WordTokenizer())
    assert untouched(tmp_path, paths)


def test_same_input_gives_the_same_bytes(tmp_path):
    source = tmp_path / "in.jsonl"
    source.write_bytes(GOOD)
    for name in ("a", "b"):
        clean_files([source], tmp_path / name, tmp_path / f"r{name}", tmp_path / f"j{name}", tokenizer=WordTokenizer())
    for name in ("", "r", "j"):
        assert (tmp_path / f"{name}a").read_bytes() == (tmp_path / f"{name}b").read_bytes()


def bytes_per_row(folder: Path, words: int, first: int = 60, last: int = 160) -> float:
    """Growth of Python's memory between two rows of one run, per row in between."""
    source, seen = folder / "in.jsonl", {}
    with source.open("w") as file:
        for number in range(last):
            text = " ".join(f"{number * 7919 + k + 10**9:x}" for k in range(words))
            file.write(json.dumps(ask(f"{text}?", "yes")) + "\n")

    def observe(raw, reason, repairs):
        assert reason is None
        if raw.row in (first, last):
            gc.collect()
            seen[raw.row] = tracemalloc.get_traced_memory()[0]

    tracemalloc.start()
    try:
        settings = {"tokenizer": WordTokenizer(), "max_tokens": 10**6, "observe": observe}
        clean_files([source], folder / "o", folder / "r", **settings)
    finally:
        tracemalloc.stop()
    return (seen[last] - seen[first]) / (last - first)


@pytest.mark.slow
def test_memory_is_signatures_not_texts(tmp_path):
    """Seven kilobytes more of text in a row must not cost memory per row; its signature costs a few kilobytes."""
    bytes_per_row(tmp_path, 5, 1, 2)
    short, long = bytes_per_row(tmp_path, 20), bytes_per_row(tmp_path, 720)
    assert short < 12_000 and long < short + 2_000, (short, long)


def test_arrays_are_streamed(tmp_path):
    source = tmp_path / "in.json"
    source.write_text(json.dumps([ask(f"{number}", "yes") | {"note": "x" * 300_000} for number in range(60)]))
    tracemalloc.start()
    try:
        clean_files([source], tmp_path / "o", tmp_path / "r", tokenizer=WordTokenizer())
        assert tracemalloc.get_traced_memory()[1] < source.stat().st_size / 4
    finally:
        tracemalloc.stop()


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess:
    """The command as a user types it. `--model` names a folder without a tokenizer where none is needed."""
    command = [sys.executable, "-m", "helpers", "clean", *arguments]
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "PYTHONPATH": str(DATA.parent)}
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, env=environment, timeout=300)


def test_wrong_arguments_end_with_2_one_line_and_no_files(tmp_path):
    """In one process through the command's own entry point; the subprocess below proves the exit code is the shell's."""
    source, paths = tmp_path / "in.jsonl", old_files(tmp_path)
    source.write_bytes(GOOD)
    out, rejects, report = paths.values()
    cases = [
        ([], out, rejects), ([tmp_path / "none.jsonl"], out, rejects), ([source, tmp_path / "none.jsonl"], out, rejects), ([tmp_path], out, rejects),
        ([source], source, rejects), ([source], out, source), ([source], out, out), ([source], tmp_path / "no" / "dir", rejects),
        ([source], tmp_path, rejects), ([source], "", rejects), ([source], "/dev/null", rejects), ([source], out, report),
    ]  # fmt: skip
    link = tmp_path.parent / f"{tmp_path.name}.link"
    link.symlink_to(source)
    cases.append(([source], link, rejects))
    for inputs, *outputs in cases:
        with pytest.raises(InputError) as error:
            clean_files(inputs, *outputs, report, tokenizer=WordTokenizer())
        assert "\n" not in str(error.value)
        assert untouched(tmp_path, paths), (inputs, outputs)
    with pytest.raises(InputError):
        clean_files([source], out, rejects, tokenizer=WordTokenizer(), max_tokens=0)
    with pytest.raises(InputError):
        clean_files([source], out, rejects, tokenizer=WordTokenizer(), holdout=[tmp_path / "none.jsonl"])
    assert untouched(tmp_path, paths)


@pytest.mark.slow
def test_command(tmp_path):
    if not (DATA / "base" / "tokenizer.json").exists():
        pytest.skip("the embedded base is not built yet")
    (tmp_path / "in.jsonl").write_bytes(GOOD)
    done = run(tmp_path, "in.jsonl", "--out", "c.jsonl", "--rejects", "r.jsonl", "--report", "p.json")
    assert done.returncode == 0, done.stderr
    report = json.loads((tmp_path / "p.json").read_text())
    assert (report["rows_in"], report["kept"], report["rejected"], report["reasons"]) == (
        3,
        2,
        1,
        {"unknown_columns": 1},
    )
    reject = json.loads((tmp_path / "r.jsonl").read_text())
    assert (reject["file"], reject["line"], reject["raw"]) == ("in.jsonl", 3, '{"broken": 1}')
    done = run(tmp_path, "none.jsonl", "--out", "c2.jsonl", "--rejects", "r2.jsonl")
    assert done.returncode == 2 and "Traceback" not in done.stderr
    assert [line for line in done.stderr.splitlines() if line] == ["error: none.jsonl: no such file"]
    assert {path.name for path in tmp_path.iterdir()} == {"in.jsonl", "c.jsonl", "r.jsonl", "p.json"}
