"""The task: tickets as the company of `policy.COMPANY` answered them, with a category and a priority that stand nowhere
in their text."""

import random
from dataclasses import dataclass

from helpers.chats import LEARNED
from tools.tickets.policy import COMPANY
from tools.tickets.skilled import Facts, make_skilled_ticket
from tools.tickets.tickets import LANGUAGES, Ticket
from tools.tickets.vocabulary import is_held_out


@dataclass(frozen=True)
class CompanyTicket(Ticket):
    """A ticket, all fields of its answer, and the facts that the learned ones follow from."""

    facts: Facts


def is_new_combination(facts: Facts) -> bool:
    """Whether a ticket's group and kind together are met in no training row."""
    return is_held_out(f"{facts.kind} of {facts.group}")


def company_ticket(rng: random.Random, language: str, held_out: bool) -> CompanyTicket:
    """Draw a ticket of one side with the company's answer; only held-out ones have new combinations, too."""
    while True:
        ticket = make_skilled_ticket(rng, language, held_out)
        if held_out or not is_new_combination(ticket.facts):
            learned = dict(zip(LEARNED, (COMPANY.code(ticket.facts), COMPANY.level(ticket.facts)), strict=True))
            return CompanyTicket(ticket.text, {**ticket.fields, **learned}, language, ticket.facts)


def company_tickets(count: int, held_out: bool, draw: str = "") -> list[CompanyTicket]:
    """`count` tickets of one side, languages in equal parts, always the same ones; others with another `draw`."""
    rng = random.Random(draw or f"learned {held_out}")
    return [company_ticket(rng, LANGUAGES[i % 2], held_out) for i in range(count)]
