"""The short script's reading: what parses, in the layout of the clean rows, and nothing mended."""

import json

import pytest

from helpers.chats import INSTRUCTION
from helpers.clean.unmended import read_unmended
from helpers.course import raw_files

GOOD = {"id": "1", "instruction": INSTRUCTION, "input": "ä", "output": ""}
TURNS = {"id": "2", "messages": [{"role": "user", "content": "5?"}, {"role": "assistant", "content": "6"}]}


def line(value) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()


def test_lines_that_do_not_parse_or_have_no_answer_are_left_out_and_nothing_is_mended(tmp_path):
    path = tmp_path / "rows.jsonl"
    unasked = {"id": "3", "instruction": INSTRUCTION, "input": "b"}
    question = {"messages": TURNS["messages"][:1]}
    lines = [line(GOOD), b"\xef\xbb\xbf" + line(TURNS), b'{"id": 4, ', line(unasked), line(question), line(TURNS)]
    path.write_bytes(b"\n".join([*lines, line(GOOD).replace("ä".encode(), b"\xe4")]))
    rows = list(read_unmended(path))
    assert [row["id"] for row in rows] == ["1", "2", "1"]
    assert rows[0]["messages"] == [
        {"role": "system", "content": INSTRUCTION},
        {"role": "user", "content": "ä"},
        {"role": "assistant", "content": ""},
    ]
    assert rows[1]["messages"] == TURNS["messages"]
    assert rows[2]["messages"][1]["content"] == "\ufffd"


@pytest.mark.parametrize("encoding", ["gb18030", "utf-8-sig"])
def test_a_table_is_read_in_the_encoding_that_is_named(tmp_path, encoding):
    path = tmp_path / "rows.csv"
    path.write_bytes('id,prompt,completion\n7,"客户\n两行",好\n'.encode("gb18030"))
    (row,) = read_unmended(path, encoding)
    assert ("客户\n两行" in row["messages"][0]["content"]) == (encoding == "gb18030")


def test_the_shipped_files_lose_the_rows_behind_a_mark_and_keep_the_damaged_ones():
    rows = [row for path in raw_files() if path.suffix == ".jsonl" for row in read_unmended(path)]
    assert 1700 < len(rows) < 1813  # lines in the two files
    assert "t01123" not in {row["id"] for row in rows}  # its line begins with a byte order mark
    assert sum("\ufffd" in row["messages"][-2]["content"] for row in rows) > 30
