"""Tickets that know what they are about, the questions on them, and the company's policy."""

import json
import random
from collections import Counter

import pytest

from helpers.chats import COPIED, LEARNED, read_chat
from helpers.course import TEST, TICKETS
from tools.tickets import attributes
from tools.tickets.learned import company_tickets, is_new_combination
from tools.tickets.policy import COMPANY, NAMES, house
from tools.tickets.skills import SKILLS, drill, held_out_skills, skilled_conversation
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


@pytest.mark.parametrize("name", LEARNED)
@pytest.mark.parametrize("path", [TICKETS / "clean.jsonl", TEST])
def test_no_class_is_rare_or_covers_a_third(path, name):
    rows = answers(path)
    shares = {key: n / len(rows) for key, n in Counter(row[name] for row in rows).items()}
    assert all(0.05 <= share <= 0.37 for share in shares.values()), shares


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
