"""What must stay as it is: code, maths and markup that a task is about; and personal data in prose, which must not."""

import random

import pytest
from clean_tools import ask, clean_bytes, contents, lines
from clean_untouched import APART, OPEN, rows

from helpers.clean.fields import RowError
from helpers.clean.rows import clean_row, default_rules

RULES = default_rules(2048)


def changed(found: list[dict]) -> list[dict]:
    """The rows that do not come out word for word."""
    wrong = []
    for row in found:
        try:
            texts = [message["content"] for message in clean_row(row, RULES).messages]
        except RowError:
            texts = []
        if texts != list(row.values()):
            wrong.append(row)
    return wrong


def test_code_maths_and_markup_come_out_word_for_word():
    assert not changed(rows(OPEN))


def test_so_do_kinds_of_rows_that_the_rules_were_not_tried_on():
    found = rows(APART)
    assert len(changed(found)) <= 0.05 * len(found), changed(found)


def personal(count: int, seed: int = 0) -> list[tuple[str, str]]:
    """(prose of a customer with one piece of personal data, that piece)."""
    rng = random.Random(seed)

    def digits(number: int) -> str:
        return "".join(rng.choice("0123456789") for _ in range(number))

    openings = (
        "Please call me on {}.", "My kettle broke in May; you can reach me at {} all day.", "Reply to {} or by post.",
        "The parcel never came. Write to {}, thanks!", "Contact: {}", "我的电话是{}，请尽快回复。", "请联系{}。",
    )  # fmt: skip
    found = []
    for _ in range(count):
        area, name = rng.choice("23456789") + digits(2), rng.choice(["ann.lee", "jo", "wei_z", "marta-k"])
        data = rng.choice([
            f"({area}) {area}-{digits(4)}", f"+44 20 7946 {digits(4)}", f"+49 30 {rng.choice('123456789')}{digits(6)}",
            f"13{digits(9)}", f"138 {digits(4)} {digits(4)}", f"{name}@mail.example.org", f"{name}{digits(2)}@qq.com",
        ])  # fmt: skip
        found.append((rng.choice(openings).format(data), data))
    return found


def test_personal_data_in_prose_is_masked_all_the_same():
    missed = []
    for text, data in personal(300):
        row = clean_row(ask(text, "We are sorry, and will be in touch."), RULES)
        missed += [text] if data in row.messages[0]["content"] else []
    assert not missed


def test_what_a_person_calls_their_own_is_masked_beside_code_too():
    text = "My script fails:\n\nprint('a@b.org')\n\nPlease call me at +44 20 7946 0958."
    row = clean_row(ask(text, "We will."), RULES)
    assert row.messages[0]["content"] == text.replace("+44 20 7946 0958", "[PHONE]")
    assert row.left == ["personal_data"]


def test_a_ticket_whose_answer_is_json_is_no_code():
    for answer in ('{\n  "name": "Ann",\n  "count": 3\n}', '```json\n{"name": "Ann"}\n```'):
        row = clean_row(ask("Extract the name. Ann wrote from ann@lee.org about 3 lamps.", answer), RULES)
        assert "[EMAIL]" in row.messages[0]["content"]


CODE = ask("Who gets the mail?\n\ndef send():\n    mail('ann@lee.org', '<b>hi</b>', '+44 20 7946 0958')", "Ann does.")
PAGE = ask("<p>Mail ann@lee.org about the kettle</p>", "I will.")


@pytest.mark.parametrize(
    ("options", "code", "page"),
    [
        ({}, CODE["instruction"], "Mail [EMAIL] about the kettle"),
        ({"mask": True, "repair_html": True}, "Who gets the mail?\n\ndef send():\n    mail('[EMAIL]', 'hi', '[PHONE]')",
         "Mail [EMAIL] about the kettle"),
        ({"mask": False, "repair_html": False}, CODE["instruction"], PAGE["instruction"]),
    ],
)  # fmt: skip
def test_masks_and_html_have_switches_and_are_off_in_code(tmp_path, options, code, page):
    report, kept, _ = clean_bytes(tmp_path, lines(CODE, PAGE), **options)
    assert [contents(row)[0] for row in kept] == [code, page]
    if not options:
        assert report.left_as_written == {"html": 1, "personal_data": 1}
