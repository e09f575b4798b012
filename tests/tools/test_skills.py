"""Tickets that know what they are about, the questions on them, and the company's policy."""

import json
import random
from collections import Counter

import pytest

from tools.tickets import attributes
from tools.tickets.learned import is_new_combination, learned_fields, learned_row, learned_tickets
from tools.tickets.policy import COMPANY, NAMES, house
from tools.tickets.skills import SKILLS, drill, held_out_skills, skilled_conversation
from tools.tickets.vocabulary import POOLS


@pytest.fixture(scope="module")
def tickets():
    return learned_tickets(1000, held_out=True)


def test_copied_values_stand_in_the_ticket_and_codes_do_not(tickets):
    for ticket in tickets:
        assert all(str(value) in ticket.text for value in ticket.fields.values())
        assert list(learned_fields(ticket)) == list(json.loads(learned_row(ticket)["messages"][-1]["content"]))


def test_new_combinations_are_met_in_held_out_tickets_alone(tickets):
    assert 0.1 < sum(is_new_combination(ticket.facts) for ticket in tickets) / len(tickets) < 0.25
    assert not any(is_new_combination(ticket.facts) for ticket in learned_tickets(1000, held_out=False))


@pytest.mark.parametrize("name", ["category", "priority"])
def test_no_class_is_rare_or_covers_a_third(tickets, name):
    shares = Counter(learned_fields(ticket)[name] for ticket in learned_tickets(2700, held_out=False))
    assert all(0.05 * 2700 <= n <= 0.37 * 2700 for n in shares.values()), shares


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
