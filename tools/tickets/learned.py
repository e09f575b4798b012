"""The task with two learned fields: tickets as JSON with a category and a priority that stand nowhere in them."""

import json
import random

from tools.tickets.policy import COMPANY
from tools.tickets.skilled import Facts, SkilledTicket, make_skilled_ticket
from tools.tickets.tickets import FIELDS, LANGUAGES
from tools.tickets.vocabulary import is_held_out

LEARNED = ("category", "priority")
INSTRUCTION = "Extract the ticket as JSON: " + ", ".join((*FIELDS, *LEARNED)) + "."


def learned_fields(ticket: SkilledTicket) -> dict:
    """The answer: five copied fields, then what the company makes of the facts."""
    return {**ticket.fields, "category": COMPANY.code(ticket.facts), "priority": COMPANY.level(ticket.facts)}


def is_new_combination(facts: Facts) -> bool:
    """Whether a ticket's group and kind together are met in no training row."""
    return is_held_out(f"{facts.kind} of {facts.group}")


def learned_ticket(rng: random.Random, language: str, held_out: bool) -> SkilledTicket:
    """Draw a ticket of one side; only held-out ones have new combinations, too."""
    while True:
        ticket = make_skilled_ticket(rng, language, held_out)
        if held_out or not is_new_combination(ticket.facts):
            return ticket


def learned_tickets(count: int, held_out: bool, draw: str = "") -> list[SkilledTicket]:
    """`count` tickets of one side, languages in equal parts, always the same ones; others with another `draw`."""
    rng = random.Random(draw or f"learned {held_out}")
    return [learned_ticket(rng, LANGUAGES[i % 2], held_out) for i in range(count)]


def learned_row(ticket: SkilledTicket) -> dict:
    """One training or test row: instruction, ticket, JSON answer."""
    turns = (("system", INSTRUCTION), ("user", ticket.text))
    answer = json.dumps(learned_fields(ticket), ensure_ascii=False)
    messages = [*({"role": role, "content": text} for role, text in turns), {"role": "assistant", "content": answer}]
    return {"messages": messages, "language": ticket.language}
