"""The run card of notebook 04: made from what is shipped, and what it says of prompts, rules, words and an adapter."""

import json

import pytest

from helpers.chats import COPIED, LEARNED
from helpers.profiles import PROFILES
from tools import build_learned
from tools.build_learned import CARD, WAYS, made_from, summary
from tools.tickets.learned import company_tickets


@pytest.fixture(scope="module")
def card():
    return json.loads(CARD.read_text(encoding="utf-8"))


def test_card_was_made_from_what_is_shipped(card):
    assert card["made_from"] == made_from(PROFILES["tiny"]), "run python -m tools.build_learned"
    assert set(card["versions"]) == set(build_learned.PACKAGES)
    assert set(WAYS) <= set(card) and card["tickets"] == build_learned.SCORED


def test_no_prompt_gives_the_learned_fields_and_the_adapter_does(card):
    prompts, adapter = card["prompt"].values(), card["adapter"]
    assert max(prompt["learned"] for prompt in prompts) < 0.05
    assert max(prompt["copied"] for prompt in prompts) > 0.95
    assert adapter["learned"] > card["tfidf"]["learned"] + 0.1
    assert adapter["learned"] > 0.8 and adapter["copied"] > 0.95 and adapter["valid"] > 0.97
    assert card["rules"]["learned"] > adapter["learned"]


def test_copying_is_there_long_before_the_codes(card):
    steps, copied, learned = zip(*card["adapter"]["curve"])
    assert len(steps) == 10 and steps[-1] == PROFILES["tiny"].max_steps
    assert copied[1] > 0.9 and learned[1] < learned[-1] - 0.2


def test_a_rate_too_low_costs_first_what_has_to_be_learned(card):
    scores = {float(rate): found for rate, found in card["rates"]["scores"].items()}
    _, low, chosen, *_ = sorted(scores)
    assert chosen == PROFILES["tiny"].learning_rate
    assert scores[low]["copied"] > 0.9 and scores[low]["learned"] < scores[chosen]["learned"] - 0.1


def test_a_rate_too_high_costs_first_what_the_base_could(card):
    scores = {float(rate): found for rate, found in card["rates"]["scores"].items()}
    best = max(scores, key=lambda rate: scores[rate]["learned"])
    kept, before = scores[best]["own"]["questions"], card["rates"]["own_before"]["questions"]
    assert kept < before / 2 and kept < scores[PROFILES["tiny"].learning_rate]["own"]["questions"] - 0.3


def test_few_tickets_are_remembered_and_many_are_learned(card):
    found = {int(size): one for size, one in card["sizes"]["scores"].items()}
    assert tuple(found) == build_learned.SIZES and card["sizes"]["steps"] == PROFILES["tiny"].max_steps
    few, many = found[min(found)], found[max(found)]
    assert few["trained"]["learned"] > few["new"]["learned"] + 0.3
    assert many["new"]["learned"] > few["new"]["learned"] + 0.3
    assert many["trained"]["learned"] < many["new"]["learned"] + 0.15


def test_the_base_keeps_what_it_could(card):
    before, after = card["adapter"]["own_before"], card["adapter"]["own_after"]
    assert after["questions"] >= before["questions"] - 0.1  # by value, what stands in the ticket
    assert after["skills"] >= before["skills"] - 0.1  # what it means


def test_summary_counts_each_kind_of_field_and_by_condition():
    tickets = company_tickets(40, held_out=True)
    right = [json.dumps(ticket.fields) for ticket in tickets]
    found = summary(right, tickets)
    assert found["exact"] == found["copied"] == found["learned"] == 1 and not found["wrong"]["priority"]
    for names, copied, learned in ((COPIED, 0, 1), (LEARNED, 1, 0)):
        spoiled = [json.dumps({**ticket.fields, **dict.fromkeys(names, "?")}) for ticket in tickets]
        found = summary(spoiled, tickets)
        assert (found["exact"], found["copied"], found["learned"]) == (0, copied, learned)
    counts = found["right_by_condition"]
    assert sum(n for _, n in counts.values()) == 2 * len(tickets) and not any(hits for hits, _ in counts.values())
