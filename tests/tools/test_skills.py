"""Tickets that know what they are about, the questions on them, and the company's policy."""

import json
import random
from collections import Counter

import pytest

from helpers import DATA
from helpers.chats import COPIED, LEARNED, read_chat
from helpers.course import TEST, TICKETS
from helpers.files import load_jsonl
from tools import build_tickets
from tools.tickets import attributes
from tools.tickets.learned import company_ticket, company_tickets, is_new_combination
from tools.tickets.policy import COMPANY, NAMES, house
from tools.tickets.skills import SKILLS, drill, held_out_skills, skilled_conversation
from tools.tickets.tickets import LANGUAGES
from tools.tickets.vocabulary import POOLS


@pytest.fixture(scope="module")
def tickets():
    return company_tickets(1000, held_out=True)


def answers(path) -> list[dict]:
    return [json.loads(row["messages"][-1]["content"]) for row in read_chat(path)]


def test_copied_values_stand_in_the_ticket(tickets):
    assert all(str(ticket.fields[name]) in ticket.text for ticket in tickets for name in COPIED)


def test_new_combinations_are_met_in_held_out_tickets_alone(tickets):
    assert 0.1 < sum(is_new_combination(ticket.facts) for ticket in tickets) / len(tickets) < 0.25
    assert not any(is_new_combination(ticket.facts) for ticket in company_tickets(1000, held_out=False))


@pytest.mark.parametrize("name, most", [("category", 0.35), ("priority", 0.45)])
@pytest.mark.parametrize("path", [TICKETS / "clean.jsonl", TEST])
def test_no_class_is_rare_or_covers_most(path, name, most):
    rows = answers(path)
    shares = {key: n / len(rows) for key, n in Counter(row[name] for row in rows).items()}
    assert all(0.05 <= share <= most for share in shares.values()), shares


def told_by_the_page(facts) -> dict[str, str]:
    """Category and priority as a reader of data/README.md finds them: the table there, and the sentence below it."""
    lines = (DATA / "README.md").read_text(encoding="utf-8").splitlines()
    table = [line.strip("|").split("|") for line in lines if line.startswith("| ")][-4:]
    head, *rows = [[cell.strip() for cell in line] for line in table]
    kinds = [cell.split(", ") for cell in head]
    column = next(i for i, names in enumerate(kinds) if facts.kind in names)
    row = next(row for row in rows if facts.group in row[0].split(", "))
    pressing = facts.dangerous or facts.deadline
    priority = "P1" if pressing else "P2" if facts.wish == "refund" or facts.quantity >= 10 else "P3"
    return dict(zip(LEARNED, (row[column], priority), strict=True))


@pytest.mark.parametrize("held_out", [True, False])
def test_tickets_are_answered_as_the_page_says(held_out):
    for ticket in company_tickets(1000, held_out):
        assert {name: ticket.fields[name] for name in LEARNED} == told_by_the_page(ticket.facts), ticket


def test_the_shipped_held_out_tickets_have_the_policys_answers():
    rng = random.Random(build_tickets.SEED)
    drawn = [company_ticket(rng, LANGUAGES[i % 2], held_out=True) for i in range(build_tickets.TEST_ROWS)]
    for shipped, ticket in zip(answers(TEST), drawn, strict=True):
        assert {name: shipped[name] for name in (*LEARNED, "issue")} == {
            name: ticket.fields[name] for name in (*LEARNED, "issue")
        }


def test_every_noun_has_one_group():
    for language, pool in (("en", "en_noun"), ("zh", "zh_noun")):
        nouns = [noun for group in attributes.GROUPS for noun in attributes.nouns(language, group)]
        assert len(nouns) == len(set(nouns))
        assert set(nouns) <= POOLS[pool]()


def test_no_house_has_the_companys_policy():
    for name in NAMES:
        other = house(name)
        assert set(other.high) != set(COMPANY.high)
        assert (other.letters, other.digits) != (COMPANY.letters, COMPANY.digits)


def test_the_base_is_never_shown_json():
    rng = random.Random(0)
    for maker in (skilled_conversation, drill):
        for _ in range(300):
            answers = [m["content"] for m in maker(rng, 0.5) if m["role"] == "assistant"]
            assert not any(answer.startswith("{") for answer in answers)


def test_held_out_questions_are_of_every_skill():
    rows = held_out_skills(4)
    assert Counter(row["skill"] for row in rows) == dict.fromkeys(SKILLS, 4)
    assert rows == held_out_skills(4)
    assert load_jsonl(TICKETS / "skills.jsonl") == held_out_skills(20), "run make data"
