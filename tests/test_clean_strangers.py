"""Rows and tables as strangers bring them: what was once kept wrongly, lost, or answered with bad advice."""

import json
from pathlib import Path

import pytest
from clean_tools import ask, clean_bytes, contents, lines

from helpers.clean.privacy import mask_personal_data
from helpers.errors import InputError


def one(tmp_path, row, **options):
    """(kept rows, reasons) of a file with one row."""
    report, kept, _ = clean_bytes(tmp_path, lines(row), **options)
    return kept, dict(report.reasons)


def told(report) -> str:
    """What the command prints, in one line."""
    return " ".join(report.text(Path("c.jsonl"), Path("r.jsonl")).split())


# Held-out files


@pytest.mark.parametrize(
    "row",
    [
        {"question": "Which river flows through Vienna?", "answer": "The Danube."},
        {"prompt": "Which river flows through Vienna?", "chosen": "The Danube.", "rejected": "The Rhine."},
        {"prompt": "Which river flows through Vienna?", "completion": "The Rhine.", "label": False},
        {"question": "Which river flows through Vienna?", "answer": 7},
        {"messages": [{"role": "user", "content": "Which river flows through Vienna?"}, {"role": "assistant", "content": "The Danube."}]},
    ],
    ids=["question", "preference", "kto", "number", "messages"],
)  # fmt: skip
def test_a_leak_is_found_whatever_the_layout_of_the_held_out_file(tmp_path, row):
    held = tmp_path / "held.jsonl"
    held.write_bytes(lines(row))
    report, kept, rejects = clean_bytes(
        tmp_path, lines(ask("Which river flows through Vienna?", "The Danube.")), holdout=[held]
    )
    assert not kept and rejects[0]["reason"] == "leaks_into_holdout" and report.holdout_rows == 1
    assert "held out 1 rows" in told(report)


def test_held_out_rows_that_cannot_be_read_are_said(tmp_path):
    held = tmp_path / "held.jsonl"
    held.write_bytes(lines({"colour": "red"}) + lines(ask("Who?", "He.")))
    report, _, _ = clean_bytes(tmp_path, lines(ask("What?", "It.")), holdout=[held])
    assert report.holdout_unusable == 1 and "NOT USED 1 held-out rows" in told(report)


@pytest.mark.parametrize(
    ("trained", "held_out"),
    [("What is 9 - 4?", "What is 9 + 4?"), ("Who made F#?", "Who made F?"), ("🙂🙂", "😡😡"), ("बेटी", "बेटा")],
)
def test_a_sign_a_symbol_and_a_vowel_sign_make_another_question(tmp_path, trained, held_out):
    held = tmp_path / "held.jsonl"
    held.write_bytes(lines(ask(held_out, "one answer")))
    assert len(clean_bytes(tmp_path, lines(ask(trained, "another answer")), holdout=[held])[1]) == 1
    rows = [ask(trained, "the same answer"), ask(held_out, "the same answer")]
    assert len(clean_bytes(tmp_path, lines(*rows))[1]) == 2


# Encodings, and repairs that would destroy


def test_a_korean_table_from_excel_is_read_as_korean(tmp_path):
    text = "question,answer\n프랑스의 수도는 어느 도시입니까?,프랑스의 수도는 파리입니다.\n물은 몇 도에서 끓습니까?,물은 백 도에서 끓습니다.\n"
    _, kept, _ = clean_bytes(tmp_path, text.encode("cp949"), name="in.csv")
    assert [contents(row)[1] for row in kept] == ["프랑스의 수도는 파리입니다.", "물은 백 도에서 끓습니다."]
    chinese = "question,answer\n法国的首都是哪个城市？,法国的首都是巴黎。\n水在多少度沸腾？,水在一百度沸腾。\n"
    _, kept, _ = clean_bytes(tmp_path, chinese.encode("gb18030"), name="in.csv")
    assert contents(kept[0])[1] == "法国的首都是巴黎。"


def test_a_latex_command_that_json_took_for_an_escape_gets_its_backslash_back(tmp_path):
    row = b'{"instruction": "Add $\\frac{1}{3}$ to $\\beta$.", "output": "It is $\\frac{1}{3} + \\beta$."}\n'
    _, kept, _ = clean_bytes(tmp_path, row)
    assert contents(kept[0]) == [r"Add $\frac{1}{3}$ to $\beta$.", r"It is $\frac{1}{3} + \beta$."]


def test_a_joiner_that_persian_needs_behind_a_latin_word_stays(tmp_path):
    kept, _ = one(tmp_path, ask("جمع API چیست؟", "جمع آن API\u200cها است."))
    assert "API\u200cها" in contents(kept[0])[1]


# Personal data


def test_what_is_masked_in_one_turn_is_masked_in_all_and_in_the_arguments_of_calls(tmp_path):
    turns = [
        {"role": "user", "content": "My number is 555-813-2277, write a record for customer 12."},
        {"role": "assistant", "content": '{"customer": 12, "number": "555-813-2277"}'},
    ]
    kept, _ = one(tmp_path, {"messages": turns})
    assert "2277" not in json.dumps(kept) and json.dumps(kept).count("[PHONE]") == 2


@pytest.mark.parametrize(
    "text",
    ["GTIN 00712345000018", "Windows Phone 8.10.15148.150", "mobile 2021-11-30", "the place at +47.376887", "EAN 4006381333931"],
)  # fmt: skip
def test_numbers_of_other_kinds_are_no_personal_data(text):
    assert mask_personal_data(text)[0] == text


# Columns and tables


def test_a_rendered_column_that_repeats_the_others_is_ignored_and_no_answer_stands_in_the_question(tmp_path):
    rendered = "Below is an instruction.\n\n### Instruction:\nName a prime.\n\n### Response:\nSeven."
    kept, _ = one(tmp_path, {"instruction": "Name a prime.", "input": "", "output": "Seven.", "prompt": rendered})
    assert contents(kept[0]) == ["Name a prime.", "Seven."]


@pytest.mark.parametrize("end", ["### Response:", "[/INST]", "\n\nAssistant:", "<|assistant|>"])
def test_a_prompt_that_ends_where_the_answer_begins_is_rendered_already(tmp_path, end):
    assert one(
        tmp_path,
        {"prompt": f"Name a prime. {end}" if end[0] != "#" else f"Name a prime.\n{end}", "completion": "Seven."},
    ) == ([], {"already_rendered": 1})


def test_a_number_of_a_ticket_is_no_question_where_another_column_has_the_text(tmp_path):
    table = "ticket,title,message_body,answer\nA-17,Lamp,My lamp flickers at night.,Please replace the bulb.\n"
    report, kept, rejects = clean_bytes(tmp_path, table.encode(), name="in.csv")
    assert not kept and "--map message_body=question" in rejects[0]["detail"]


@pytest.mark.parametrize(
    ("row", "reason", "words"),
    [
        ({"instruction": {"0": "One?", "1": "Two?"}, "output": {"0": "1", "1": "2"}}, "table_by_columns", "orient='records'"),
        ({"version": 2, "data": [{"question": "One?", "answer": "1"}]}, "rows_in_a_field", "jq -c '.[\"data\"][]'"),
        ({"prompt": "Hi?", "response": {"choices": [{"message": {"content": "Yes."}}]}}, "wrong_type", "chat API"),
    ],
)  # fmt: skip
def test_a_table_in_one_object_is_not_one_row(tmp_path, row, reason, words):
    report, kept, rejects = clean_bytes(tmp_path, lines(row))
    assert not kept and rejects[0]["reason"] == reason and words in rejects[0]["detail"]


def test_turns_that_a_cell_holds_as_text_are_turns(tmp_path):
    asked = [{"role": "user", "content": "One?"}]
    kept, _ = one(
        tmp_path, {"prompt": json.dumps(asked), "completion": json.dumps([{"role": "assistant", "content": "1"}])}
    )
    assert contents(kept[0]) == ["One?", "1"]


def test_advice_names_the_columns_that_hold_text(tmp_path):
    row = {
        "uid": "u7",
        "created": "2024-05-01",
        "body_of_mail": "My lamp is broken, what now?",
        "human_reply": "Send it back to us, please.",
    }
    _, _, rejects = clean_bytes(tmp_path, lines(row))
    assert "--map body_of_mail=question --map human_reply=answer" in rejects[0]["detail"]


def test_a_map_that_fits_no_column_is_said(tmp_path):
    report, _, _ = clean_bytes(tmp_path, lines(ask("One?", "1")), columns=[("quesion", "question")])
    assert report.maps_unused == ["quesion=question"] and "NOT USED --map quesion=question" in told(report)


# CSV


def test_quotes_in_a_table_of_tabs_are_letters_where_they_close_nothing(tmp_path):
    table = 'question\tanswer\n"Hello\tBonjour\nA 17" screen\tUn écran de 17"\n'
    _, kept, _ = clean_bytes(tmp_path, table.encode(), name="in.tsv")
    assert [contents(row) for row in kept] == [['"Hello', "Bonjour"], ['A 17" screen', 'Un écran de 17"']]


def test_excels_own_first_line_empty_cells_behind_and_blanks_before_quotes(tmp_path):
    for table in ("sep=;\nquestion;answer\nOne?;1\n", "question,answer\nOne?,1,,\n", 'question, answer\n"One?", "1"\n'):
        _, kept, rejects = clean_bytes(tmp_path, table.encode(), name="in.csv")
        assert not rejects and contents(kept[0]) == ["One?", "1"], table


def test_two_columns_of_one_name_are_refused(tmp_path):
    with pytest.raises(InputError, match="stand twice .answer."):
        clean_bytes(tmp_path, b"question,answer,answer\nOne?,1,uno\n", name="in.csv")


# Answers


@pytest.mark.parametrize(("question", "answer"), [("The symbol of sodium?", "Na"), ("Write a short mail.", "Dear all,\nwe meet at ten.\n\nKind regards,")])  # fmt: skip
def test_short_answers_and_closings_are_answers(tmp_path, question, answer):
    assert contents(one(tmp_path, ask(question, answer))[0][0])[1] == answer
