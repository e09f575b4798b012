"""What goes wrong with training data, on purpose: each function damages one ticket row in a way that people meet.

A `Specimen` holds the row as it should be and as it stands in the raw file. Defects that can be mended keep `clean`;
those that cannot set it to None.
"""

import json
import random
import re
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, field

from helpers.chats import COPIED, FIELDS, INSTRUCTION, answer_text, task_messages
from tools.tickets.tickets import Ticket

FORMATS = ("alpaca", "messages", "csv", "sharegpt")
INVISIBLE = "\u200b\u200b\u2060\ufeff"
CONTROLS = ("\x00", "\x02", "\x08", "\x0e", "\x1b[0m", "\x7f")


@dataclass
class Specimen:
    """One raw row to be: ticket and answer text as they will stand in the file, the clean row (or None), its labels."""

    id: str
    ticket: str
    answer: str
    language: str
    clean: dict | None
    defects: list[str] = field(default_factory=list)
    traps: list[str] = field(default_factory=list)
    reshape: Callable[[dict], object] | None = None
    respell: Callable[[str], str] | None = None
    encoding: str = "utf-8"
    mark: bool = False
    copied: bool = False


def specimen(ticket: Ticket, row_id: str) -> Specimen:
    """An undamaged row."""
    clean = {"messages": task_messages(ticket.text, ticket.fields), "language": ticket.language, "id": row_id}
    return Specimen(row_id, ticket.text, answer_text(ticket.fields), ticket.language, clean)


def as_row(item: Specimen, shape: str) -> dict:
    """The row in one of FORMATS."""
    ids = {"id": item.id}
    if shape == "alpaca":
        row = {**ids, "instruction": INSTRUCTION, "input": item.ticket, "output": item.answer}
    elif shape == "csv":
        row = {**ids, "prompt": f"{INSTRUCTION}\n\n{item.ticket}", "completion": item.answer}
    else:
        turns = (("system", INSTRUCTION), ("user", item.ticket), ("assistant", item.answer))
        if shape == "messages":
            row = {"messages": [{"role": role, "content": text} for role, text in turns], **ids}
        else:
            names = {"system": "system", "user": "human", "assistant": "gpt"}
            row = {**ids, "conversations": [{"from": names[role], "value": text} for role, text in turns]}
    return item.reshape(row) if item.reshape else row


def _both(item: Specimen, change: Callable[[str], str]) -> None:
    item.ticket, item.answer = change(item.ticket), change(item.answer)


def mojibake(item: Specimen, rng: random.Random) -> bool:
    """UTF-8 bytes read as Latin-1, cp1252 or GBK. False where the text survives that unharmed or cannot take it."""
    import ftfy.bad_codecs

    ftfy.bad_codecs.ok()
    codec = rng.choice(
        ("latin-1", "sloppy-windows-1252", "gb18030") if item.language == "zh" else ("latin-1", "sloppy-windows-1252")
    )
    try:
        wrong = item.ticket.encode("utf-8").decode(codec)
        answer = item.answer.encode("utf-8").decode(codec)
    except UnicodeDecodeError:
        return False
    if wrong == item.ticket or "\x85" in wrong + answer:
        return False
    item.ticket, item.answer = wrong, answer
    return True


def lost_characters(item: Specimen, rng: random.Random) -> bool:
    """GBK bytes read as UTF-8 with replacement: nobody can bring these back."""
    if item.language != "zh":
        return False
    item.ticket = item.ticket.encode("gb18030").decode("utf-8", "replace")
    item.clean = None
    return True


def html(item: Specimen, rng: random.Random) -> bool:
    """The text as it was copied from a web page or an HTML mail."""
    text = item.ticket.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    kind = rng.randrange(4)
    if kind == 0:
        text = f"<p>{text}</p>".replace("\n", "<br>\n")
    elif kind == 1:
        text = f'<div class="mail"><span style="color:#333">{text}</span></div>'.replace("\n", "<br/>")
    elif kind == 2:
        words = text.split(" ")
        text = (
            " ".join(f"<b>{word}</b>" if rng.random() < 0.2 else word for word in words)
            .replace(" ", "&nbsp;", 2)
            .replace("\n", "<br />")
        )
        text = text if "<b" in text else f"<strong>{text}</strong>"
    else:
        text = "".join(f"<p>{line}</p>\n" for line in text.split("\n")) + "<!-- sent from my phone -->"
    item.ticket = text
    return True


def _sprinkle(text: str, marks, rng: random.Random, count: int) -> str:
    for _ in range(count):
        at = rng.randint(0, len(text))
        text = text[:at] + rng.choice(marks) + text[at:]
    return text


def zero_width(item: Specimen, rng: random.Random) -> bool:
    """Invisible characters, often from a rich-text editor."""
    item.ticket = _sprinkle(item.ticket, INVISIBLE, rng, rng.randint(1, 4))
    if rng.random() < 0.4:
        item.answer = item.answer.replace('": "', f'": "{rng.choice(INVISIBLE)}', 2)
    return True


def control_characters(item: Specimen, rng: random.Random) -> bool:
    """Control characters and terminal colours; in some files they even stand raw inside the JSON string."""
    item.ticket = _sprinkle(item.ticket, CONTROLS, rng, rng.randint(1, 3))
    if rng.random() < 0.3:
        item.respell = lambda line: re.sub(r"\\u00(0[0-8e]|1b|7f)", lambda code: chr(int(code[1], 16)), line)
    return True


def full_width(item: Specimen, rng: random.Random) -> bool:
    """Digits and letters typed with a Chinese input method. Chinese punctuation around them is right and stays."""
    order_id, before = json.loads(item.answer)["order_id"], item.ticket

    def widen(text: str) -> str:
        return "".join(chr(ord(char) + 0xFEE0) if "!" <= char <= "~" else char for char in text)

    if item.language == "zh" and rng.random() < 0.6:
        item.ticket = re.sub("[0-9A-Za-z]", lambda char: widen(char.group()), item.ticket)
    else:
        item.ticket = item.ticket.replace(order_id, widen(order_id))
    if rng.random() < 0.5:
        item.answer = item.answer.replace(order_id, widen(order_id))
    return item.ticket != before


def empty_output(item: Specimen, rng: random.Random) -> bool:
    item.answer, item.clean = rng.choice(("", "", "  ", "\n")), None
    return True


def trivial_output(item: Specimen, rng: random.Random) -> bool:
    item.answer, item.clean = rng.choice(("N/A", "...", "{}", "TODO", "null", "?", "略", "-")), None
    return True


def truncated(item: Specimen, rng: random.Random) -> bool:
    """An answer that stopped at somebody's length limit."""
    item.answer, item.clean = item.answer[: rng.randint(len(item.answer) // 3, len(item.answer) - 2)], None
    return True


def wrong_label(item: Specimen, rng: random.Random, other: Ticket) -> bool:
    """One field of the answer is not in the ticket: another ticket's value, a slip of the finger, a wrong count."""
    fields = json.loads(item.answer)
    name = rng.choice(COPIED)
    if name == "quantity":
        fields[name] += rng.choice((1, 2, 5, 10))
    elif name == "order_id" and rng.random() < 0.6:
        at = max(i for i, char in enumerate(fields[name]) if char.isdigit())
        fields[name] = (
            fields[name][:at] + str((int(fields[name][at]) + rng.randint(1, 9)) % 10) + fields[name][at + 1 :]
        )
    else:
        fields[name] = other.fields[name]
    if str(fields[name]) in item.ticket:
        return False
    item.answer, item.clean = answer_text(fields), None
    return True


def missing_field(item: Specimen, rng: random.Random) -> bool:
    """No answer, no ticket, or an answer without one of its fields."""
    item.clean = None
    if rng.random() < 0.3:
        fields = json.loads(item.answer)
        del fields[rng.choice(FIELDS)]
        item.answer = json.dumps(fields, ensure_ascii=False)
        return True
    drop_ticket = rng.random() < 0.4

    def reshape(row: dict) -> dict:
        row = deepcopy(row)
        if "input" in row:
            del row["input" if drop_ticket else "output"]
        elif "prompt" in row:
            row["prompt"] = INSTRUCTION
        else:
            turns = row["messages" if "messages" in row else "conversations"]
            if drop_ticket:
                turns[1].pop("content", None) or turns[1].pop("value", None)
            else:
                del turns[2]
        return row

    item.reshape = reshape
    return True


def misnamed_field(item: Specimen, rng: random.Random) -> bool:
    """Other names for the same thing, in the row or in the answer's JSON."""
    pick = rng.random()

    def reshape(row: dict) -> dict:
        if "input" in row:
            names = rng.choice(
                (
                    {"output": "response"},
                    {"instruction": "instruct", "output": "answer"},
                    {"input": "question", "output": "Output"},
                    {"output": "ouput"},
                )
            )
            return {names.get(key, key): value for key, value in row.items()}
        if "messages" in row:
            if pick < 0.5:
                return {"dialogue": row["messages"], "id": row["id"]}
            return {
                **row,
                "messages": [
                    {"role": {"assistant": "bot"}.get(turn["role"], turn["role"]), "content": turn["content"]}
                    for turn in row["messages"]
                ],
            }
        if "conversations" in row:
            return {
                **row,
                "conversations": [{"speaker": turn["from"], "text": turn["value"]} for turn in row["conversations"]],
            }
        return row

    fields = json.loads(item.answer)
    if pick > 0.8:
        names = rng.choice(({"order_id": "order_no"}, {"customer": "name"}, {"quantity": "qty", "issue": "problem"}))
        item.answer = json.dumps({names.get(key, key): value for key, value in fields.items()}, ensure_ascii=False)
    else:
        item.reshape = reshape
    return True


def wrong_type(item: Specimen, rng: random.Random) -> bool:
    """The right value in the wrong type: a number as text can be mended, a word or a list in its place cannot."""
    fields = json.loads(item.answer)
    kind = rng.randrange(4)
    if kind == 0:
        fields["quantity"] = str(fields["quantity"])
    elif kind == 1:
        item.reshape = lambda row: {**row, "output": fields} if "output" in row else row
        fields["quantity"] = float(fields["quantity"])
    elif kind == 2:
        fields["quantity"], item.clean = (
            rng.choice(("several", "a few", "若干", None, True, [fields["quantity"]])),
            None,
        )
        if fields["quantity"] is None:
            fields["quantity"] = {"value": 1}
    else:
        fields["customer"], item.clean = [fields["customer"]], None
    item.answer = json.dumps(fields, ensure_ascii=False)
    return True


def broken_json(item: Specimen, rng: random.Random) -> bool:
    """A line that is no JSON: cut in the middle, a quote missing, or Python's spelling instead of JSON's."""
    kind, at = rng.randrange(3), rng.uniform(0.3, 0.9)
    item.clean = None
    if kind == 0:
        item.respell = lambda line: line[: int(len(line) * at)].rstrip("\\")
    elif kind == 1:
        item.respell = lambda line: line.replace('"', "", 1)
    else:
        item.respell = lambda line: line.replace('": "', '": None, "', 1)
    return True


def over_long(item: Specimen, rng: random.Random, others: list[Ticket]) -> bool:
    """A ticket with the whole forwarded conversation under it."""
    thread = "\n\n".join("> " + other.text.replace("\n", "\n> ") for other in others)
    item.ticket, item.clean = (
        f"{item.ticket}\n\n{'原始邮件' if item.language == 'zh' else 'Forwarded message'}\n\n{thread}",
        None,
    )
    return True


_NEAR = {
    "en": (("{} Thanks!", 2), ("{} Thank you very much.", 2), ("Hi! {}", 1), ("{}!!", 2), ("  {}  ", 1)),
    "zh": (("{}谢谢！", 2), ("{}麻烦了。", 2), ("你好！{}", 1), ("{}！！", 2), ("{}急！", 1)),
}


def near_duplicate(item: Specimen, rng: random.Random) -> bool:
    """The same ticket, sent again with a few more words or other punctuation."""
    forms, weights = zip(*_NEAR[item.language])
    text = rng.choices(forms, weights)[0].format(item.ticket)
    if rng.random() < 0.5:
        for name, value in (("!", "."), ("。", "！"), (". ", "; "), ("，", " ")):
            text = text.replace(name, value, 1)
    fields = json.loads(item.answer)
    if text.strip() == item.ticket or any(str(fields[name]) not in text for name in COPIED):
        return False
    item.ticket, item.clean = text, None
    return True


_CONTACT = {
    "en": ("You can call me at {}.", "My phone number is {}.", "Mobile: {}"),
    "zh": ("我的电话是{}。", "手机号：{}", "请回电{}。"),
}  # fmt: skip
_MAIL = {"en": ("Please write to {}.", "My e-mail: {}", "({})"), "zh": ("邮箱{}。", "请发邮件到{}", "我的邮箱：{}。")}
_PAID = {
    "en": ("I paid with card {}.", "The card {} was charged.", "Visa {}"),
    "zh": ("我用银行卡{}付的款。", "卡号{}。", "信用卡：{}"),
}


def personal_data(item: Specimen, rng: random.Random, faker) -> bool:
    """A phone number, an e-mail address or a card number that no field asks for; at times inside a field as well."""
    kind = rng.choice(("phone", "phone", "mail", "card"))
    if kind == "card":
        number = faker.credit_card_number()
        value = (
            rng.choice(("", " ", "-")).join(number[i : i + 4] for i in range(0, 16, 4)) if len(number) == 16 else number
        )
        forms, mask = _PAID, "[CARD]"
    elif kind == "mail":
        value, forms, mask = faker.email(), _MAIL, "[EMAIL]"
    else:
        value, forms, mask = faker.phone_number(), _CONTACT, "[PHONE]"
    text = rng.choice(forms[item.language])
    joint = "\n" if "\n" in item.ticket else (" " if item.language == "en" else "")
    fields, ticket = json.loads(item.answer), item.ticket
    if rng.random() < 0.3:
        inside = f"{fields['issue']} ({value})"
        ticket = ticket.replace(fields["issue"], inside)
        fields["issue"] = inside
    else:
        ticket = ticket + joint + text.format(value)
    item.ticket, item.answer = ticket, answer_text(fields)
    fields["issue"] = fields["issue"].replace(value, mask)
    item.clean = {**item.clean, "messages": task_messages(ticket.replace(value, mask), fields)}
    return True
