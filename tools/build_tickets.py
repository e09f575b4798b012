"""Rebuilds data/tickets: `python -m tools.build_tickets` (seconds, seeded; compare with `git diff data/tickets`).

Writes raw/* (about 3,000 rows in four formats, a fifth of them damaged), clean.jsonl (what cleaning should give),
defects.jsonl (which row has which defect), test.jsonl (400 held-out tickets), questions.jsonl (400 held-out questions
whose answer stands in the ticket) and skills.jsonl (20 of each kind about what a ticket means).
"""

import csv
import io
import json
import random
import re
from collections import Counter
from pathlib import Path

from faker import Faker

from helpers import DATA
from helpers.files import write_jsonl
from tools.tickets import defects as damage
from tools.tickets.defects import Specimen, as_row, specimen
from tools.tickets.learned import company_ticket
from tools.tickets.questions import held_out_questions
from tools.tickets.skills import held_out_skills
from tools.tickets.tickets import Ticket

SEED = 20
TICKETS = DATA / "tickets"
UNDAMAGED, TEST_ROWS = 2360, 400
FILES = {
    "alpaca": "alpaca.jsonl",
    "messages": "messages.jsonl",
    "csv": "prompt_completion.csv",
    "sharegpt": "sharegpt.json",
}
COUNTS = {
    "mojibake": 44, "lost_characters": 8, "html": 44, "zero_width": 34, "control_characters": 30, "full_width": 34,
    "empty_output": 24, "trivial_output": 20, "truncated": 30, "missing_field": 24, "misnamed_field": 40,
    "wrong_type": 30,
    "broken_json": 26,
}  # fmt: skip
OTHER_COUNTS = {
    "wrong_label": 40,
    "over_long": 20,
    "personal_data": 48,
    "mixed_encoding": 40,
    "byte_order_mark": 8,
    "exact_duplicate": 44,
    "near_duplicate": 44,
    "leak": 30,
}
PAIRS = (("html", "zero_width"), ("full_width", "zero_width"), ("html", "control_characters"))


def main() -> None:
    """Build every file of data/tickets from SEED."""
    rng = random.Random(SEED)
    names = (f"t{number:05d}" for number in range(1, 100000))
    test = [company_ticket(rng, ("en", "zh")[i % 2], held_out=True) for i in range(TEST_ROWS)]
    rows = undamaged(rng, names) + damaged(rng, names)
    rng.shuffle(rows)
    numbers = {json.loads(row.clean["messages"][-1]["content"])["order_id"] for row in rows if row.clean}
    test = [with_own_number(ticket, numbers) for ticket in test]
    rows = with_copies(rows, test, rng, names)
    shares = cut(rows, rng)
    truth, clean = [], []
    (TICKETS / "raw").mkdir(parents=True, exist_ok=True)
    for shape, items in shares.items():
        lines = WRITERS[shape](TICKETS / "raw" / FILES[shape], items)
        for item, line in zip(items, lines, strict=True):
            if item.clean:
                clean.append(item.clean)
            if item.defects or item.traps:
                label = {"file": FILES[shape], "line": line, "id": item.id, "defects": item.defects}
                truth.append(
                    label
                    | ({"traps": item.traps} if item.traps else {})
                    | ({"clean": item.clean} if item.defects else {})
                )
    write_jsonl(TICKETS / "clean.jsonl", clean)
    write_jsonl(TICKETS / "defects.jsonl", truth)
    write_jsonl(TICKETS / "test.jsonl", [specimen(ticket, f"test{i:03d}").clean for i, ticket in enumerate(test, 1)])
    write_jsonl(TICKETS / "questions.jsonl", held_out_questions(400))
    write_jsonl(TICKETS / "skills.jsonl", held_out_skills(20))
    print(f"{len(rows)} raw rows, {len(clean)} clean, {len(test)} held out")
    print(dict(Counter(name for item in rows for name in item.defects)))


def draw(rng: random.Random) -> Ticket:
    """One ticket of the training side."""
    return company_ticket(rng, rng.choice(("en", "zh")), held_out=False)


def undamaged(rng: random.Random, names) -> list[Specimen]:
    """Good rows; some of them look bad to a careless cleaner, and are labelled as traps."""
    rows = [specimen(draw(rng), next(names)) for _ in range(UNDAMAGED)]
    for i, row in enumerate(rows[:150]):
        ticket = Ticket(row.ticket, json.loads(row.answer), row.language)
        name, ticket = TRAPS[i % len(TRAPS)](ticket, rng)
        if ticket:
            rows[i] = specimen(ticket, row.id)
            rows[i].traps = [name]
    return rows


def _swap(ticket: Ticket, **fields) -> Ticket:
    text = ticket.text
    for name, value in fields.items():
        text = text.replace(str(ticket.fields[name]), value)
    return Ticket(text, ticket.fields | fields, ticket.language)


def _phone_like(ticket: Ticket, rng: random.Random):
    """An order number of 11 digits, as many shops have, that could be a Chinese mobile number."""
    return "order_like_phone", _swap(ticket, order_id=f"1{rng.choice('35789')}{rng.randrange(10**9):09d}")


def _comparison(ticket: Ticket, rng: random.Random):
    extra = {"en": " The gap is < 2 mm & it should be > 5 mm.", "zh": "缝隙<2毫米，标准是>5毫米。"}[ticket.language]
    return "less_than_sign", Ticket(ticket.text + extra, ticket.fields, ticket.language)


def _punctuation(ticket: Ticket, rng: random.Random):
    extra = {"en": " “Never again”, said my wife – really…", "zh": "（备注：“客服”说：《三包》适用；是吗？）"}[
        ticket.language
    ]
    return "real_punctuation", Ticket(ticket.text + extra, ticket.fields, ticket.language)


def _emoji(ticket: Ticket, rng: random.Random):
    return "joined_emoji", Ticket(
        ticket.text + (" " if ticket.language == "en" else "") + "👨‍👩‍👧😡", ticket.fields, ticket.language
    )


def _code_like(ticket: Ticket, rng: random.Random):
    extra = {"en": " The display shows List<int> and R&D only.", "zh": "屏幕显示 Map<String, int> 和 R&D。"}[
        ticket.language
    ]
    return "code_in_text", Ticket(ticket.text + extra, ticket.fields, ticket.language)


def _twin(ticket: Ticket, rng: random.Random):
    """Nothing odd in itself: `with_copies` adds a twin with another order number, and both must be kept."""
    return "twin", ticket


TRAPS = (_phone_like, _comparison, _punctuation, _emoji, _code_like, _twin)


def damaged(rng: random.Random, names) -> list[Specimen]:
    """Rows with one defect of each kind of COUNTS (and the like), and some with two."""
    fakers = {"en": Faker(["en_US", "en_GB"]), "zh": Faker("zh_CN")}
    for faker in fakers.values():
        faker.seed_instance(SEED)
    calls = {name: (getattr(damage, name), ()) for name in COUNTS}
    rows = [_damage((name,), calls, rng, names) for name, count in COUNTS.items() for _ in range(count)]
    rows += [_damage(pair, calls, rng, names) for pair in PAIRS for _ in range(8)]
    for name, count in OTHER_COUNTS.items():
        for _ in range(count if name in ("wrong_label", "over_long", "personal_data") else 0):
            while True:
                ticket = draw(rng)
                item = specimen(ticket, next(names))
                if name == "personal_data":
                    extra = fakers[ticket.language]
                else:
                    extra = (
                        draw_like(ticket, rng) if name == "wrong_label" else [draw_like(ticket, rng) for _ in range(45)]
                    )
                if getattr(damage, name)(item, rng, extra):
                    break
            item.defects.append(name)
            rows.append(item)
    return rows


def draw_like(ticket: Ticket, rng: random.Random) -> Ticket:
    """Another ticket in the language of `ticket`."""
    return company_ticket(rng, ticket.language, held_out=False)


def _damage(kinds: tuple[str, ...], calls: dict, rng: random.Random, names) -> Specimen:
    while True:
        item = specimen(draw(rng), next(names))
        if all(calls[kind][0](item, rng) for kind in reversed(kinds)):
            item.defects = list(kinds)
            return item


def with_own_number(ticket: Ticket, taken: set[str]) -> Ticket:
    """The ticket, its order number's last digit counted up until none of `taken` is the same."""
    number = own = ticket.fields["order_id"]
    while own in taken:
        own = re.sub(r"\d(?=\D*$)", lambda digit: str((int(digit[0]) + 1) % 10), own)
    return Ticket(ticket.text.replace(number, own), ticket.fields | {"order_id": own}, ticket.language)


def with_copies(rows: list[Specimen], test: list[Ticket], rng: random.Random, names) -> list[Specimen]:
    """Add duplicates somewhere after their originals, twins, and rows that stand in the test set."""
    good = [i for i, row in enumerate(rows) if not row.defects and not row.traps and i < len(rows) * 0.9]
    added: list[tuple[float, Specimen]] = []
    chosen = iter(rng.sample(good, len(good)))
    for name in ("exact_duplicate", "near_duplicate"):
        count = 0
        while count < OTHER_COUNTS[name]:
            i = next(chosen)
            item = specimen(Ticket(rows[i].ticket, json.loads(rows[i].answer), rows[i].language), next(names))
            if name == "near_duplicate" and not damage.near_duplicate(item, rng):
                continue
            item.clean, item.defects = None, [name]
            added.append((rng.uniform(i + 1, len(rows)), item))
            rows[i].copied = True
            count += 1
    for row in list(rows):
        if row.traps == ["twin"]:
            ticket = Ticket(row.ticket, json.loads(row.answer), row.language)
            item = specimen(_swap(ticket, order_id=f"TW{rng.randrange(10**6):06d}"), next(names))
            item.traps = ["twin"]
            added.append((rng.uniform(0, len(rows)), item))
    for number, ticket in enumerate(rng.sample(test, OTHER_COUNTS["leak"])):
        item = specimen(ticket, next(names))
        if number % 2:
            damage.near_duplicate(item, rng)
        item.clean, item.defects = None, ["leak"]
        added.append((rng.uniform(0, len(rows)), item))
    merged = sorted([(float(i), row) for i, row in enumerate(rows)] + added, key=lambda pair: pair[0])
    return [row for _, row in merged]


def cut(rows: list[Specimen], rng: random.Random) -> dict[str, list[Specimen]]:
    """Deal the rows to the four files in order, move what a format cannot show, and damage encodings."""
    edges = [0, int(len(rows) * 0.3), int(len(rows) * 0.6), int(len(rows) * 0.8), len(rows)]
    shares = {shape: rows[low:high] for shape, low, high in zip(FILES, edges, edges[1:])}
    for shape in ("csv", "sharegpt"):
        for i, item in enumerate(shares[shape]):
            only_lines = item.respell is not None or (
                shape == "csv" and item.reshape is not None and "missing_field" not in item.defects
            )
            if only_lines or (item.defects == ["wrong_type"] and item.reshape):
                spare = next(
                    j for j, other in enumerate(shares["alpaca"]) if not (other.defects or other.traps or other.copied)
                )
                shares[shape][i], shares["alpaca"][spare] = shares["alpaca"][spare], item
    for item in shares["messages"]:
        if item.defects == ["wrong_type"] and item.reshape:
            item.reshape = None
    plain = [item for item in shares["messages"] if not item.defects and not item.traps and not item.ticket.isascii()]
    count = 0
    for item in plain:
        codec = "cp1252" if item.language == "en" else "gb18030"
        try:
            item.ticket.encode(codec)
        except UnicodeEncodeError:
            continue
        if count < OTHER_COUNTS["mixed_encoding"] and (item.language == "en" or count % 5):
            item.encoding, item.defects = codec, ["mixed_encoding"]
        count += 1
    for shape in ("alpaca", "messages"):
        for item in rng.sample(
            [item for item in shares[shape] if not item.defects and not item.traps],
            OTHER_COUNTS["byte_order_mark"] // 2,
        ):
            item.mark, item.defects = True, ["byte_order_mark"]
    first = next(i for i, item in enumerate(shares["sharegpt"]) if not item.defects and not item.traps)
    shares["sharegpt"].insert(0, shares["sharegpt"].pop(first))
    shares["sharegpt"][0].defects = ["byte_order_mark"]
    return shares


def _line(item: Specimen, shape: str) -> str:
    text = json.dumps(as_row(item, shape), ensure_ascii=False)
    text = item.respell(text) if item.respell else text
    return ("\ufeff" if item.mark else "") + text


def write_lines(path: Path, items: list[Specimen]) -> list[int]:
    """A JSONL file whose lines may differ in encoding. Returns the line of each row."""
    shape = next(name for name, file in FILES.items() if file == path.name)
    path.write_bytes(b"".join(_line(item, shape).encode(item.encoding) + b"\n" for item in items))
    return list(range(1, len(items) + 1))


def write_array(path: Path, items: list[Specimen]) -> list[int]:
    """A JSON array with a byte-order mark, one element a line."""
    path.write_text("[\n" + ",\n".join(_line(item, "sharegpt") for item in items) + "\n]\n", encoding="utf-8-sig")
    return list(range(2, len(items) + 2))


def write_csv(path: Path, items: list[Specimen]) -> list[int]:
    """A GB18030 CSV; tickets of several lines stand in quotes, so a row can begin on any line."""
    buffer, lines = io.StringIO(), []
    writer = csv.DictWriter(buffer, ("id", "prompt", "completion"), lineterminator="\n")
    writer.writeheader()
    for item in items:
        lines.append(buffer.getvalue().count("\n") + 1)
        writer.writerow(as_row(item, "csv"))
    path.write_bytes(buffer.getvalue().encode("gb18030"))
    return lines


WRITERS = {"alpaca": write_lines, "messages": write_lines, "csv": write_csv, "sharegpt": write_array}

if __name__ == "__main__":
    main()
