"""Tickets that know what they are about: facts beside the fields that are copied."""

import random
from dataclasses import dataclass

from tools.tickets import attributes
from tools.tickets.attributes import FORM_VALUES, GROUPS, KINDS, LABELS, SENTENCES, WISHES
from tools.tickets.phrasings import phrase
from tools.tickets.tickets import Draw, Ticket
from tools.tickets.vocabulary import is_held_out


@dataclass(frozen=True)
class Facts:
    """What is true of a ticket without standing in it as a value."""

    kind: str
    group: str
    wish: str
    deadline: bool
    regular: bool
    quantity: int

    @property
    def dangerous(self) -> bool:
        return self.kind == "unsafe"


@dataclass(frozen=True)
class SkilledTicket(Ticket):
    """A ticket and its facts."""

    facts: Facts


def make_skilled_ticket(rng: random.Random, language: str, held_out: bool, made_up: float = 0.0) -> SkilledTicket:
    """Draw a ticket whose facts are known and unambiguous; `made_up` is the share of made-up names, brands and parts.

    Words that carry a fact (nouns, states) are met on both sides, in other pairs; its sentences are held out whole.
    """
    draw = _SkilledDraw(rng, language, held_out, made_up)
    facts = draw.facts()
    fields = {
        "customer": draw.anything() or draw.customer(),
        "order_id": draw.order_id(),
        "quantity": facts.quantity,
        "product": draw.product(),
        "issue": draw.issue(),
    }
    return SkilledTicket(draw.text(fields), fields, language, facts)


def make_snippet(
    rng: random.Random, language: str, needed: tuple[str, ...], made_up: float, bare: bool = False
) -> tuple[str, Facts]:
    """A few words of a ticket (training side) and its facts: what stands in `needed`, at times more; `bare`, the words
    for the thing alone.

    Parts are "product" (with the quantity), "issue", "told" (deadline and regular customer), and "wish".
    """
    draw = _SkilledDraw(rng, language, False, made_up)
    facts = draw.facts(0.5 if needed == ("told",) else 0.25)
    if bare:
        return ("" if language == "zh" else " ").join(draw.thing()), facts
    pieces = []
    for part in ("product", "issue", "told", "wish"):
        if part in needed or rng.random() < 0.15:
            pieces += draw.piece(part)
    if len(pieces) > 1 and rng.random() < 0.5:
        rng.shuffle(pieces)
    return ("" if language == "zh" else " ").join(pieces or [draw.sentence("aside")]), facts


class _SkilledDraw(Draw):
    """Draws the facts first, then words and sentences that state them."""

    def facts(self, told: float = 0.25) -> Facts:
        """Facts of a new ticket; `told` is how often a deadline is named, and how often a customer is a regular one."""
        rng = self.rng
        self.known = Facts(
            kind=rng.choices(tuple(KINDS), tuple(KINDS.values()))[0],
            group=rng.choice(GROUPS),
            wish=rng.choices(WISHES, (25, 20, 15, 15, 25))[0],
            deadline=rng.random() < told,
            regular=rng.random() < told,
            quantity=rng.choice((1, 1, 1, 2, 2, 3, 4, 5, 6, 8, rng.randint(7, 20), rng.randint(10, 60))),
        )
        return self.known

    def thing(self) -> list[str]:
        while True:
            words = [self.rng.choice(attributes.nouns(self.language, self.known.group))]
            if self.rng.random() < 0.75:
                words.insert(0, self.word(("zh_" if self.language == "zh" else "en_") + "material"))
            if is_held_out(" ".join(words)) == self.held_out:
                return words

    def complaint(self) -> str:
        return phrase(self.rng, attributes.COMPLAINTS[self.language][self.known.kind], self.held_out)

    def issue(self) -> str:
        rng, kind = self.rng, self.known.kind
        if not attributes.states(self.language, kind) or rng.random() < 0.3:
            return self.complaint()
        state = rng.choice(attributes.states(self.language, kind))
        if self.language == "zh":
            part, shape = self.word("zh_part"), rng.random()
            if shape < 0.5:
                return part + state
            tail = self.word("zh_tail")
            return tail + part + state if tail.endswith("的") else part + tail + state
        subject = "the " + self.word("en_part")
        clause = f"{subject} is {state}"
        if rng.random() < 0.4:
            clause = f"{subject} {rng.choice(attributes.events(kind))}"
        return f"{clause} {self.word('en_tail')}" if rng.random() < 0.4 else clause

    def told(self) -> list[str]:
        """The names in SENTENCES of what the text has to say beside order and issue, now and then that one is new."""
        known = self.known
        regular = ["regular"] if known.regular else ["new"] if self.rng.random() < 0.2 else []
        return [*(["deadline"] if known.deadline else []), *regular]

    def sentence(self, name: str, amount: str | None = None) -> str:
        """A sentence of SENTENCES with details of its own."""
        details = self.details()
        return phrase(self.rng, SENTENCES[self.language][name], self.held_out).format(
            **details | {"amount": amount or details["amount"]}
        )

    def piece(self, part: str) -> list[str]:
        """What one part of a snippet says."""
        stop = "。" if self.language == "zh" else "."
        if part == "product":
            many = {"zh": "件", "en": " x "}[self.language]
            return [f"{self.known.quantity}{many}{self.product()}{stop}"]
        if part == "issue":
            return [f"{self.issue()}{stop}"]
        if part == "told":
            return [self.sentence(name) for name in (*self.told(), *["aside"] * self.rng.choice((0, 0, 1)))]
        return [self.sentence(self.known.wish)]

    def text(self, fields: dict) -> str:
        rng, details, style = self.rng, {**fields, **self.details()}, self.rng.random()
        if style < 0.22:
            return self.form(details)

        def say(unit: str) -> str:
            return self.phrasing(unit).format(**details)

        who = [say("who")] if style < 0.65 else []
        bought = [say("bought")] if rng.random() < 0.6 else [say("order"), say("items")]
        body = [*bought, say("issue")]
        if rng.random() < 0.12:
            body = [say("issue"), *bought]
        for name in [*self.told(), *["aside"] * rng.choice((0, 0, 1, 1, 2))]:
            body.insert(rng.randint(0, len(body)), self.sentence(name, details["amount"]))
        if self.known.wish != "none" or rng.random() < 0.3:
            body.insert(
                rng.randint(1, len(body)) if rng.random() < 0.3 else len(body),
                self.sentence(self.known.wish, details["amount"]),
            )
        if rng.random() < 0.3:
            who.insert(0, say("hello"))
        if style >= 0.65:
            body.append(say("signed"))
        return ("" if self.language == "zh" else " ").join([*who, *body])

    def form_lines(self, details: dict) -> list[tuple[str, str]]:
        lines = super().form_lines(details)
        for name in (*self.told(), *([self.known.wish] if self.known.wish != "none" else [])):
            other = self.details() | {"amount": details["amount"]}
            values = FORM_VALUES[self.language].get(name, ("{date}",))
            what = "regular" if name == "new" else name if name in ("deadline", "regular") else "wish"
            label = phrase(self.rng, LABELS[self.language][what], self.held_out)
            lines.append((label, phrase(self.rng, values, self.held_out).format(**other)))
        return lines
