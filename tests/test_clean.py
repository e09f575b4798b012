"""The cleaner on files: formats, encodings, broken input, repairs and rejects of single rows."""

import json

import pytest
from clean_tools import ask, clean_bytes, contents, lines

from helpers.chats import INSTRUCTION, answer_text
from helpers.clean.privacy import mask_personal_data
from helpers.clean.repair import strip_html
from helpers.errors import InputError

CODE = 'def largest(items: list[int]) -> int:\n    """Return it.\n\n    Nothing fancy."""\n\tbest = 0\n    for x in items:\n        if x > best and x < 10**9:\n            best = x\n\n\n    return best\n'
FIELDS = {
    "customer": "Ann Lee", "order_id": "13812345678", "quantity": 3, "product": "steel kettle", "issue": "the lid broke",
    "category": "K2", "priority": "P3",
}  # fmt: skip
TICKET = "I am Ann Lee. Order 13812345678: 3 x steel kettle. Sadly the lid broke."


def task(ticket=TICKET, answer=None, **fields) -> dict:
    return {
        "instruction": INSTRUCTION, "input": ticket, "output": answer if answer is not None else answer_text(FIELDS | fields),
    }  # fmt: skip


def reasons(tmp_path, *rows, **options) -> list[str]:
    return [reject["reason"] for reject in clean_bytes(tmp_path, lines(*rows), **options)[2]]


def only(tmp_path, row, **options) -> dict:
    _, kept, rejects = clean_bytes(tmp_path, lines(row), **options)
    assert len(kept) == 1, rejects
    return kept[0]


@pytest.mark.parametrize(
    "row",
    [
        ask("What is 2+2?", "4"),
        {"prompt": "What is 2+2?", "completion": "4"},
        {"messages": [{"role": "user", "content": "What is 2+2?"}, {"role": "assistant", "content": "4"}]},
        {"conversations": [{"from": "human", "value": "What is 2+2?"}, {"from": "gpt", "value": "4"}]},
        {
            "prompt": [{"role": "user", "content": "What is 2+2?"}],
            "completion": [{"role": "assistant", "content": "4"}],
        },
        {"Question ": "What is 2+2?", "answer": 4},
        {"instruct": "What is 2+2?", "response": "4", "task": "maths"},
        [{"role": "User", "content": "What is 2+2?"}, {"role": "bot", "content": [{"type": "text", "text": "4"}]}],
    ],
)
def test_every_format_becomes_the_same_row(tmp_path, row):
    clean = only(tmp_path, row)
    assert contents(clean) == ["What is 2+2?", "4"]
    assert [message["role"] for message in clean["messages"]] == ["user", "assistant"]
    assert clean["language"] == "en" and clean["id"]


def test_the_course_instruction_is_the_system_message_in_every_format(tmp_path):
    whole = {"prompt": f"{INSTRUCTION}\n\n{TICKET}", "completion": answer_text(FIELDS)}
    assert only(tmp_path, task())["messages"] == only(tmp_path, whole)["messages"]
    assert only(tmp_path, task())["messages"][0] == {"role": "system", "content": INSTRUCTION}


def test_misnamed_fields_are_counted_and_contradictions_rejected(tmp_path):
    report, _, rejects = clean_bytes(
        tmp_path, lines({"question": "a b", "reply": "c"}, {"instruction": "a", "output": "b", "response": "c"})
    )
    assert report.repairs["field_renamed"] == 1
    assert rejects[0]["reason"] == "ambiguous_fields"


CHINESE = ask("订单号 A1234 的客户张伟买了三件蓝牙耳机，物流为什么这么慢？", "正在催促快递，请您耐心等待。")


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "gb18030", "gbk", "utf-16", "utf-16-le", "utf-16-be", "utf-32"]
)
@pytest.mark.parametrize("shape", ["jsonl", "array", "csv"])
def test_encodings(tmp_path, encoding, shape):
    rows = [CHINESE, ask("How many?", "Three")]
    text = {
        "jsonl": "\n".join(json.dumps(row, ensure_ascii=False) for row in rows),
        "array": json.dumps(rows, ensure_ascii=False, indent=2),
        "csv": "instruction,output\n" + "\n".join(f'"{row["instruction"]}","{row["output"]}"' for row in rows),
    }[shape]
    name = {"jsonl": "in.jsonl", "array": "in.json", "csv": "in.csv"}[shape]
    _, kept, _ = clean_bytes(tmp_path, text.encode(encoding), name)
    assert [contents(row) for row in kept] == [[row["instruction"], row["output"]] for row in rows]
    assert kept[0]["language"] == "zh"


def test_traditional_chinese_in_big5_and_western_cp1252(tmp_path):
    big5 = ask("請問我的訂單什麼時候會寄出？已經等了三個星期了。", "您好，訂單明天就會寄出，謝謝您的耐心。")
    western = ask("Où est la clé de Jörg Müller – “déjà” livrée ?", "À l’hôtel, bien sûr.")
    assert contents(clean_bytes(tmp_path, lines(big5, encoding="big5"))[1][0])[0] == big5["instruction"]
    assert contents(clean_bytes(tmp_path, lines(western, encoding="cp1252"))[1][0])[0] == western["instruction"]


def test_single_lines_in_another_encoding(tmp_path):
    western = ask("Was kostet das Gerät für Frau Müller?", "Fünf Euro.")
    content = (
        lines(CHINESE)
        + lines(western, encoding="cp1252")
        + lines({**CHINESE, "instruction": "退货怎么办理呢？"}, encoding="gbk")
    )
    report, kept, _ = clean_bytes(tmp_path, content)
    assert [contents(row)[0] for row in kept] == [CHINESE["instruction"], western["instruction"], "退货怎么办理呢？"]
    assert report.repairs["encoding_gb18030"] == 1


def test_half_characters_and_broken_bytes_in_utf8(tmp_path):
    pair, broken = (
        b'{"instruction":"caf\xc3\xa9 \xed\xa0\xbd\xed\xb8\x80","output":"ok"}\n',
        lines(CHINESE).replace("物".encode(), b"\xe7\x89"),
    )
    _, kept, rejects = clean_bytes(tmp_path, pair + broken + lines(CHINESE))
    assert [contents(row)[0] for row in kept] == ["café \U0001f600", CHINESE["instruction"]]
    assert [(reject["line"], reject["reason"]) for reject in rejects] == [(2, "damaged_text")]


def test_code_and_newlines_survive_byte_for_byte(tmp_path):
    answers = [
        CODE,
        "a < b && c > d",
        "List<int> x;\r\n\tx.add(1);\r\n",
        "<div><b>hi</b>&amp;</div>",
        "- one\n- two\n\n    three",
        "x" * 3000,
    ]
    for shape, name in (("jsonl", "in.jsonl"), ("array", "in.json")):
        rows = [ask(f"Task {number}", answer) for number, answer in enumerate(answers)]
        content = lines(*rows) if shape == "jsonl" else json.dumps(rows).encode()
        assert [contents(row)[1] for row in clean_bytes(tmp_path, content, name)[1]] == answers


def test_csv_keeps_line_breaks_inside_a_cell(tmp_path):
    content = b'prompt,completion\r\n"Write it","a\r\n  b\n""c"""\r\n'
    assert contents(clean_bytes(tmp_path, content, "in.csv")[1][0])[1] == 'a\r\n  b\n"c"'


def test_line_separators_that_are_no_line_ends(tmp_path):
    text = "one\u2028two\u2029three\x0cfour"
    assert contents(only(tmp_path, ask("List", text)))[1] == text


def test_broken_rows_are_rows(tmp_path):
    deep = '{"instruction": ' + "[" * 100_000
    content = "\n".join(
        ['{"instruction": "a", "output"', "not json", "[1, 2", "123", "null", '"text"', "{}", deep, '{"output": ' + "9" * 5000 + "}",
         '{"instruction": "x", "output": NaN}', '{"instruction": "a\\ud800", "output": "b"}', "   ", "",
         '{"instruction": "fine", "output": "yes"}']
    )  # fmt: skip
    report, kept, rejects = clean_bytes(tmp_path, content.encode())
    assert (report.rows_in, report.kept) == (12, 1)
    assert [reject["line"] for reject in rejects] == list(range(1, 12))
    assert rejects[1]["raw"] == "not json" and rejects[10]["reason"] == "damaged_text"
    assert report.reasons["broken_json"] == 5


def test_array_with_a_broken_element_and_one_cut_at_the_end(tmp_path):
    good, other = json.dumps(ask("One", "1")), json.dumps(ask("Two", "2"))
    report, kept, rejects = clean_bytes(tmp_path, f'[{good},\n {{"instruction": nope}},\n{other}]'.encode(), "in.json")
    assert (report.rows_in, len(kept), rejects[0]["line"]) == (3, 2, 2)
    report, kept, rejects = clean_bytes(tmp_path, f'[{good},\n{other},\n {{"instruction": "Thr'.encode(), "in.json")
    assert (report.rows_in, len(kept), rejects[0]["reason"], rejects[0]["row"]) == (3, 2, "broken_json", 3)
    report, kept, _ = clean_bytes(tmp_path, f"{good[:-1]},\n{other}]".replace("{", "[{", 1).encode(), "in.json")
    assert report.rows_in == 1 and not kept


def test_array_elements_across_read_blocks(tmp_path):
    rows = [ask(f"Question {number} " + 'quote " and \\ and ]}' * 50, f"Answer {number}") for number in range(60)]
    _, kept, _ = clean_bytes(tmp_path, json.dumps(rows, indent=1).encode(), "in.json", max_tokens=10_000)
    assert [contents(row)[1] for row in kept] == [row["output"] for row in rows]


def test_csv_with_an_open_quote_loses_one_line_only(tmp_path):
    content = 'prompt,completion\nA,1\n"B,2\nC,3\nD,4,5\nE,6\n'
    report, kept, rejects = clean_bytes(tmp_path, content.encode(), "in.csv")
    assert [contents(row)[0] for row in kept] == ["A", "C", "E"]
    assert [(reject["line"], reject["raw"]) for reject in rejects] == [(3, '"B,2'), (5, "D,4,5")]


def test_lengths_are_tokens_and_nothing_is_cut(tmp_path):
    long = ask("Tell me", "word " * 500)
    _, kept, rejects = clean_bytes(tmp_path, lines(long, ask("Tell", "w" * 5000)))
    assert (
        rejects[0]["reason"] == "over_long" and "502 tokens" in rejects[0]["detail"] and "400" in rejects[0]["detail"]
    )
    assert contents(kept[0])[1] == "w" * 5000


def test_chat_template_counts(tmp_path):
    from helpers import DATA

    if not (DATA / "base" / "tokenizer.json").exists():
        pytest.skip("the embedded base is not built yet")
    _, _, rejects = clean_bytes(tmp_path, lines(ask("Hi", "Hello")), tokenizer=None, max_tokens=3)
    assert rejects[0]["reason"] == "over_long"


@pytest.mark.parametrize(
    ("output", "reason"),
    [
        ("", "empty_output"), (None, "empty_output"), (" \n", "empty_output"), ("N/A", "trivial_output"), ("...", "trivial_output"),
        ('{"a": 1, "b": "x', "truncated_output"), ("```python\nprint(1)\n", "truncated_output"), (["a"], "wrong_type"), (True, "wrong_type"),
        ("It works in two steps. First you open the lid of the kettle, then the", "truncated_output"), ("see <|im_end|>", "special_token_in_text"),
        ("broken \ufffd text", "damaged_text"),
    ],
)  # fmt: skip
def test_answers_that_are_rejected(tmp_path, output, reason):
    assert reasons(tmp_path, ask("A question", output)) == [reason]


@pytest.mark.parametrize(
    "output",
    [
        "Use ``` at the start.\nThen your code.",
        "````md\n```python\nx\n```\n````",
        "42",
        "Yes",
        "好的",
        "无",
        "是。",
        "None",
        "x = {",
        '{"a": 1}',
        "[1]",
        "It ends: without a stop",
    ],
)
def test_short_and_odd_answers_that_are_kept(tmp_path, output):
    assert contents(only(tmp_path, ask("A question", output)))[1] == output


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (task(customer="Ann Le"), "label_not_in_ticket"), (task(order_id="1381234567"), "label_not_in_ticket"), (task(quantity=2), "label_not_in_ticket"),
        (task(product="kettles"), "label_not_in_ticket"), (task(quantity="three"), "wrong_type"), (task(customer=["Ann Lee"]), "wrong_type"),
        (task(answer=answer_text(FIELDS)[:60]), "truncated_output"), (task(answer="The customer is Ann Lee"), "answer_not_json"),
        (task(issue=""), "missing_field"), (task(category=""), "missing_field"), (task(priority=1), "wrong_type"), (task(answer="{}"), "trivial_output"), (task(answer=json.dumps({**FIELDS, "price": 3})), "unexpected_field"),
        ({"instruction": INSTRUCTION, "output": answer_text(FIELDS)}, "missing_field"), ({"instruction": INSTRUCTION, "input": TICKET}, "missing_field"),
    ],
)  # fmt: skip
def test_ticket_answers_that_are_rejected(tmp_path, row, reason):
    assert reasons(tmp_path, row) == [reason]


@pytest.mark.parametrize(
    "answer",
    [
        answer_text({**FIELDS, "quantity": "3"}), answer_text({**FIELDS, "quantity": 3.0}), answer_text({**FIELDS, "order_id": 13812345678}),
        json.dumps(FIELDS, indent=2), FIELDS, "```json\n" + answer_text(FIELDS) + "\n```",
        json.dumps({{"order_id": "Order No", "quantity": "qty"}.get(key, key): value for key, value in FIELDS.items()}),
    ],
)  # fmt: skip
def test_ticket_answers_that_are_repaired(tmp_path, answer):
    assert contents(only(tmp_path, task(answer=answer)))[-1] == answer_text(FIELDS)


def test_text_repairs_of_tickets(tmp_path):
    damaged = {
        "html": f"<p>{TICKET}</p>", "zero_width_characters": TICKET.replace("lid", "l\u200bid"), "control_characters": TICKET.replace("lid", "li\x00d\x1b[0m"),
        "full_width_characters": TICKET.replace("138", "１３８"), "mojibake": TICKET + "".join(" Café".encode().decode("latin-1")),
    }  # fmt: skip
    for name, text in damaged.items():
        report, kept, rejects = clean_bytes(tmp_path, lines(task(text)))
        assert report.repairs == {name: 1}, (name, report, rejects)
        assert contents(kept[0])[1].removesuffix(" Café") == TICKET


def test_chinese_punctuation_and_comparisons_stay(tmp_path):
    text = "问：ｘ＜３吗？（“是”，《三包》！）a < b, Map<String, List<a>> & if a <b and c> d　👨‍👩‍👧"
    assert contents(only(tmp_path, ask(text, "是的，对！")))[0] == text.replace("ｘ", "x").replace("３", "3")


def test_mojibake_of_both_kinds(tmp_path):
    text = "客户张伟买了耳机但是物流很慢"
    for codec in ("latin-1", "gb18030"):
        assert contents(only(tmp_path, ask(text.encode().decode(codec), "好的")))[0] == text


@pytest.mark.parametrize(
    ("text", "bare"),
    [
        ("a<br>b", "a\nb"), ("<p>a &lt; b &amp; c</p>", "a < b & c"), ("x<b>y</b>z", "xyz"), ("a<b>c", "a<b>c"), ("vector<i> v", "vector<i> v"),
        ('<a href="u">t</a>', "t"), ("<script>x()</script>t", "t"), ("AT&T; 5 &lt 6", "AT&T; 5 &lt 6"), ("1 <2> 3", "1 <2> 3"),
    ],
)  # fmt: skip
def test_strip_html(text, bare):
    assert strip_html(text) == bare


def test_html_in_questions_about_markup_stays(tmp_path):
    text = "What does <b>bold</b> mean in HTML?"
    assert contents(only(tmp_path, ask(text, "It is a tag.")))[0] == text
    assert contents(only(tmp_path, ask("<p>What is LoRA?</p>", "An adapter.")))[0] == "What is LoRA?"


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("mail ann.lee+x@mail.example.org, or zhang@qq.com。", "mail [EMAIL], or [EMAIL]。"), ("邮箱zhang@qq.com", "邮箱[EMAIL]"),
        ("card 4111 1111 1111 1111.", "card [CARD]."), ("card 630461125795", "card [CARD]"), ("(630461125795)", "(630461125795)"), ("卡号6222021234567895，谢谢", "卡号6222021234567895，谢谢"), ("4111-1111-1111-1112", "4111-1111-1111-1112"),
        ("电话13812345678。", "电话[PHONE]。"), ("+86 138 1234 5678", "[PHONE]"), ("call (555) 234-5678 x12", "call [PHONE]"), ("+44 20 7946 0958", "[PHONE]"),
        ("010-62345678", "[PHONE]"), ("my phone is 5551234567", "my phone is [PHONE]"), ("order 13812345678", "order 13812345678"),
        ("订单号：13812345678", "订单号：13812345678"), ("2024-03-15 at 10:20:30", "2024-03-15 at 10:20:30"), ("192.168.100.200", "192.168.100.200"),
        ("WC-93-5233 and 5351-933-T", "WC-93-5233 and 5351-933-T"), ("pi is 3.14159265358979", "pi is 3.14159265358979"), ("@dataclass", "@dataclass"),
        ("git@github.com:a/b.git", "git@github.com:a/b.git"), ("1700000000 and 1000000007", "1700000000 and 1000000007"), ("order no. 4111111111111111", "order no. 4111111111111111"),
    ],
)  # fmt: skip
def test_masking_in_questions_and_answers(tmp_path, text, masked):
    assert contents(only(tmp_path, ask("Q " + text, "A " + text))) == ["Q " + masked, "A " + masked]


def test_order_id_of_the_answer_is_never_masked(tmp_path):
    ticket = "Ann Lee: 13812345678 / 3 / steel kettle / the lid broke. Mobile 13912345678"
    assert contents(only(tmp_path, task(ticket)))[1:] == [ticket.replace("13912345678", "[PHONE]"), answer_text(FIELDS)]


@pytest.mark.parametrize(
    "content", [b"\x89PNG\r\n\x1a\n\0\0\0", b"PK\x03\x04" + bytes(40), bytes(range(256)) * 8, b"\x1f\x8b\x08rest"]
)
def test_binary_input_is_refused(tmp_path, content):
    with pytest.raises(InputError, match="in.jsonl"):
        clean_bytes(tmp_path, content)
    assert not (tmp_path / "clean.jsonl").exists()


def test_a_junk_line_among_good_ones_is_one_reject(tmp_path):
    content = lines(ask("One", "1")) + bytes(byte for byte in range(128, 256)) * 2 + b"\0\1\n" + lines(ask("Two", "2"))
    report, kept, _ = clean_bytes(tmp_path, content)
    assert (report.rows_in, len(kept)) == (3, 2)


@pytest.mark.parametrize("content", [b"", b"\n \n", b"[]", b"[ ]\n", b"\xef\xbb\xbf"])
def test_empty_files_have_no_rows(tmp_path, content):
    assert clean_bytes(tmp_path, content)[0].rows_in == 0


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("call me at (0116)4960910.", "call me at [PHONE]."), ("it fails (0118 496 0009)", "it fails ([PHONE])"),
        ("((0121) 4960425)", "([PHONE])"), ("phone (5551234567)", "phone ([PHONE])"), ("(+86 138 1234 5678)", "([PHONE])"),
        ("phone: (+44) 20 7946 0958", "phone: [PHONE]"), ("(+44) 20 7946 0958", "[PHONE]"),
    ],
)  # fmt: skip
def test_a_masked_phone_takes_its_own_brackets_and_no_others(text, masked):
    assert mask_personal_data(text)[0] == masked


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("What is the sentiment? Say N/A if there is none.", "N/A"), ("Which JavaScript value is no JSON?", "undefined"),
        ("Translate into German: zero", "Null"), ("Which punctuation shows a pause?", "..."), ("Which attribute holds a hint in HTML?", "placeholder"),
    ],
)  # fmt: skip
def test_a_word_that_holds_a_place_elsewhere_may_be_the_answer(tmp_path, question, answer):
    assert contents(only(tmp_path, ask(question, answer)))[1] == answer
    assert reasons(tmp_path, ask("How do I bake bread?", answer)) == ["trivial_output"]
