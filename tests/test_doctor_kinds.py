"""The doctor on kinds of reports that it once misread: one row of our own for each way in which it did."""

import json

import pytest

from helpers import DATA, doctor

ROWS = [json.loads(line) for line in (DATA / "reports" / "kinds.jsonl").read_text(encoding="utf-8").splitlines()]
TAILS = [(case.id, tail) for case in doctor.load() for tail in case.tails]


@pytest.mark.parametrize("row", ROWS, ids=[f"{n} {row['kind']}" for n, row in enumerate(ROWS)])
def test_each_kind_is_read_aright(row):
    assert doctor.diagnose(row["text"]).case == row["case"]


@pytest.mark.parametrize(("case", "tail"), TAILS, ids=[tail.text for _, tail in TAILS])
def test_what_is_left_of_a_message_whose_beginning_is_cut_off_says_it(case, tail):
    said = tail.text.replace("*", "x1").replace("~", "x1")
    around = " ".join([*tail.any[:1], *tail.also[:1]])
    assert doctor.diagnose(f"[rank0]: {said} {around}\n[rank0]: LoRA of Qwen2, train.py").case == case
