"""Customer tickets in English and Chinese: text, and the five fields that stand in it.

A ticket is put together from units (who, which order, what was bought, what is wrong, small talk), each phrased in one
of many ways. About 15% of all phrasings and of each word pool are kept for held-out tickets alone.
"""

import random
from dataclasses import dataclass

from helpers.chats import COPIED
from tools.tickets.phrasings import COMPLAINTS, LABELS, UNITS, phrase
from tools.tickets.vocabulary import chinese_characters, is_held_out, lower_case_words, months, pool

LANGUAGES = ("en", "zh")

_UPPER = "ABCDEFGHJKLMNPQRSTUVWXYZ"


_ONSETS = """b c d f g h j k l m n p r s t v w y z bl br ch cl cr dr fl fr gl gr pl pr qu sc sh sl sp st str sw th tr tw
wh""".split()
_RHYMES = """a e i o u ai ea ee oa oo ou am an ap ar as at ed eep ell en er ess est et id ight in ing ip it on ook op or
ow uck ull um un up ust""".split()


def made_up_word(rng: random.Random, language: str) -> str:
    """A word that means nothing: syllables, pieces of two real words, or characters of GB 2312, rare ones too."""
    if language == "zh":
        return "".join(_character(rng) for _ in range(rng.choice((1, 2, 2, 3))))
    if rng.random() < 0.6:
        return "".join(_piece(rng, word) for word in rng.sample(lower_case_words(), 2))
    return "".join(rng.choice(_ONSETS) + rng.choice(_RHYMES) for _ in range(rng.choice((1, 1, 2, 2, 3))))


def _piece(rng: random.Random, word: str) -> str:
    start = rng.randrange(len(word)) if rng.random() < 0.5 else 0
    return word[start : rng.randint(start + 1, len(word))]


def _character(rng: random.Random) -> str:
    """A Chinese character: of the word pools, of the commoner level of GB 2312, or of its rarer level."""
    kind = rng.random()
    if kind < 0.4:
        return rng.choice(chinese_characters())
    first = rng.randint(0xB0, 0xD6) if kind < 0.8 else rng.randint(0xD8, 0xF7)
    return bytes((first, rng.randint(0xA1, 0xFE))).decode("gb2312")


def blur(rng: random.Random, text: str, language: str, share: float) -> str:
    """`text` with about `share` of its words (Chinese: characters) replaced by made-up ones, {fields} left alone."""
    if not share:
        return text
    if language == "en":
        return " ".join(w if "{" in w or rng.random() >= share else made_up_word(rng, "en") for w in text.split(" "))
    inside, kept = False, []
    for character in text:
        inside = (inside or character == "{") and character != "}"
        fixed = inside or not "\u4e00" <= character <= "\u9fff" or rng.random() >= share
        kept.append(character if fixed else _character(rng))
    return "".join(kept)


@dataclass(frozen=True)
class Ticket:
    """One ticket. Every copied string field stands verbatim in `text`; `quantity` stands there as digits."""

    text: str
    fields: dict[str, str | int]
    language: str


def make_ticket(rng: random.Random, language: str, held_out: bool, made_up: float = 0.0) -> Ticket:
    """Draw a ticket from `rng`; `held_out` draws names, products, issues and phrasings that training never sees.

    `made_up` is the share of values that consist of made-up words, as the base meets them while it learns: where words
    cannot be known by heart, they have to be copied from the ticket. A fifth as many other words are made up as well.
    """
    if language not in LANGUAGES:
        raise ValueError(f"language must be one of {LANGUAGES}, not {language!r}")
    draw = Draw(rng, language, held_out, made_up)
    fields = {
        "customer": draw.anything() or draw.customer(),
        "order_id": draw.order_id(),
        "quantity": rng.choice((1, 1, 1, 2, 2, 3, 4, 5, 6, 8, rng.randint(7, 20), rng.randint(10, 60))),
        "product": draw.anything() or draw.product(),
        "issue": draw.anything() or draw.issue(),
    }
    return Ticket(draw.text(fields), fields, language)


class Draw:
    """Draws words and phrasings of one language from one side of the split."""

    def __init__(self, rng: random.Random, language: str, held_out: bool, made_up: float):
        self.rng, self.language, self.held_out, self.made_up = rng, language, held_out, made_up

    def word(self, name: str) -> str:
        if self.made_up and self.rng.random() < self.made_up:
            word = made_up_word(self.rng, "zh" if name.startswith("zh_") else "en")
            return word.capitalize() if name in ("en_first", "en_last", "en_city", "brand") else word
        return self.rng.choice(pool(name, self.held_out))

    def anything(self) -> str | None:
        """Now and then a value of one to five made-up words, whatever the field usually looks like."""
        if not self.made_up or self.rng.random() >= self.made_up / 3:
            return None
        words = [made_up_word(self.rng, self.language) for _ in range(self.rng.randint(1, 5))]
        capital = self.rng.random() < 0.3
        return ("" if self.language == "zh" else " ").join(word.capitalize() if capital else word for word in words)

    def phrasing(self, unit: str) -> str:
        text = phrase(self.rng, UNITS[self.language][unit], self.held_out)
        return blur(self.rng, text, self.language, self.made_up / 5)

    def digits(self, low: int, high: int) -> str:
        return "".join(self.rng.choice("0123456789") for _ in range(self.rng.randint(low, high)))

    def letters(self, low: int, high: int) -> str:
        return "".join(self.rng.choice(_UPPER) for _ in range(self.rng.randint(low, high)))

    def customer(self) -> str:
        if self.language == "zh":
            return self.word("zh_last") + self.word("zh_first")
        middle = f"{self.letters(1, 1)}. " if self.rng.random() < 0.08 else ""
        return f"{self.word('en_first')} {middle}{self.word('en_last')}"

    def order_id(self) -> str:
        shape = self.rng.randrange(6)
        if shape == 0:
            return self.digits(6, 9)
        if shape == 1:
            return f"#{self.digits(4, 7)}"
        if shape == 2:
            return f"{self.letters(1, 3)}-{self.digits(4, 6)}"
        if shape == 3:
            return f"{self.letters(2, 3)}{self.digits(5, 7)}"
        if shape == 4:
            return f"{self.digits(3, 4)}-{self.digits(3, 4)}-{self.letters(1, 2)}"
        return f"{self.letters(2, 2)}-{self.digits(2, 4)}-{self.digits(2, 4)}"

    def product(self) -> str:
        parts, english = self.thing(), self.language == "en"
        if self.rng.random() < 0.2:  # the model's number: "travel kettle" is a K12 travel kettle, or a 旅行水壶K12
            parts.insert(0 if english else len(parts), f"{self.letters(1, 2)}{self.digits(1, 3)}")
        if self.rng.random() < 0.7:
            parts.insert(0, self.word("brand" if english or self.rng.random() < 0.25 else "zh_brand"))
        return (" " if english else "").join(parts)

    def thing(self) -> list[str]:
        """Material and noun, or a noun alone: words that both sides use, in pairs that only this side has."""
        prefix = "zh_" if self.language == "zh" else "en_"
        while True:
            words = [self.word(prefix + "noun")]
            if self.rng.random() < 0.75:
                words.insert(0, self.word(prefix + "material"))
            if is_held_out(" ".join(words)) == self.held_out:
                return words

    def complaint(self) -> str:
        """What is wrong with the order rather than with the thing."""
        text = phrase(self.rng, COMPLAINTS[self.language], self.held_out)
        return blur(self.rng, text, self.language, self.made_up / 5)

    def issue(self) -> str:
        kind = self.rng.random()
        if self.language == "zh":
            if kind < 0.2:
                return self.complaint()
            part, state = self.word("zh_part"), self.word("zh_state")
            if kind < 0.55:
                return part + state
            tail = self.word("zh_tail")
            return tail + part + state if tail.endswith("的") else part + tail + state
        if kind < 0.2:
            return self.complaint()
        subject = "the " + self.word("en_part")
        clause = f"{subject} is {self.word('en_state')}" if kind < 0.65 else f"{subject} {self.word('en_event')}"
        return f"{clause} {self.word('en_tail')}" if self.rng.random() < 0.4 else clause

    def details(self) -> dict[str, str]:
        """Facts that no field asks for: they are there to be left out."""
        rng = self.rng
        month, day = rng.randint(1, 12), rng.randint(1, 28)
        if self.language == "zh":
            return {
                "city": self.word("zh_city"),
                "date": f"{month}月{day}日",
                "amount": f"{rng.randint(20, 2000)}元",
                "days": str(rng.randint(2, 30)),
                "other": self.word("zh_last") + rng.choice(("先生", "女士", "师傅")),
            }
        name = months("en")[month - 1]
        return {
            "city": self.word("en_city"),
            "date": rng.choice((f"{day} {name}", f"{name} {day}", f"{day:02d}/{month:02d}")),
            "amount": rng.choice(("${}", "£{}", "{} euros", "{} USD")).format(
                f"{rng.randint(9, 900)}.{rng.choice(('00', '50', '90', '99'))}"
            ),
            "days": str(rng.randint(2, 30)),
            "other": self.word("en_first"),
        }

    def text(self, fields: dict) -> str:
        rng, facts = self.rng, {**fields, **self.details()}

        def say(unit: str) -> str:
            return self.phrasing(unit).format(**facts)

        style = rng.random()
        if style < 0.22:
            return self.form(facts)
        who = [say("who")] if style < 0.65 else []
        bought = [say("bought")] if rng.random() < 0.6 else [say("order"), say("items")]
        body = [*bought, say("issue")]
        if rng.random() < 0.12:
            body = [say("issue"), *bought]
        for _ in range(rng.choice((0, 0, 1, 1, 2))):
            body.insert(rng.randint(0, len(body)), say("aside"))
        if rng.random() < 0.45:
            body.append(say("wish"))
        if rng.random() < 0.3:
            who.insert(0, say("hello"))
        if style >= 0.65:
            body.append(say("signed"))
        return ("" if self.language == "zh" else " ").join([*who, *body])

    def form(self, facts: dict) -> str:
        """Label and value by line, in any order."""
        rng = self.rng
        colon = rng.choice((": ", " - ", " = ")) if self.language == "en" else rng.choice(("：", ": "))
        lines = [f"{name}{colon}{value}" for name, value in self.form_lines(facts)]
        if rng.random() < 0.6:
            rng.shuffle(lines)
        return rng.choice(("\n", "\n", "; " if self.language == "en" else "；")).join(lines)

    def form_lines(self, facts: dict) -> list[tuple[str, str]]:
        """Label and value of each line."""
        rng, labels, lines = self.rng, LABELS[self.language], []
        for field in (*COPIED, *rng.sample(("date", "city", "amount"), rng.choice((0, 1, 1, 2)))):
            name = phrase(rng, labels[field], self.held_out)
            lines.append((blur(rng, name, self.language, self.made_up / 5), facts[field]))
        return lines
