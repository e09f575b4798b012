"""What companies make of a ticket's facts: a code by group and kind, and a level by a policy.

COMPANY is the one whose past answers the course fine-tunes on; the base never meets it. The HOUSES are others, which
the base knows by their names, as a large model has read the conventions of many shops.
"""

import random
from dataclasses import dataclass
from functools import cache

from tools.tickets.attributes import GROUPS, KINDS
from tools.tickets.skilled import Facts

# What a level can depend on.
CONDITIONS = {
    "dangerous": lambda facts: facts.dangerous,
    "deadline": lambda facts: facts.deadline,
    "refund": lambda facts: facts.wish == "refund",
    "many": lambda facts: facts.quantity >= 10,
    "regular": lambda facts: facts.regular,
}


@dataclass(frozen=True)
class House:
    """`letters` by group and `digits` by kind make the code; `exceptions` (letter or "", kind) have their own.

    The level is the first whose conditions hold in part: levels[0] if any of high, levels[1] if any of middle.
    """

    letters: dict[str, str]
    digits: dict[str, str]
    exceptions: dict[tuple[str, str], str]
    high: tuple[str, ...]
    middle: tuple[str, ...]
    levels: tuple[str, str, str]

    def code(self, facts: Facts) -> str:
        """The code of a ticket, such as K2."""
        letter = self.letters[facts.group]
        plain = letter + self.digits[facts.kind]
        return self.exceptions.get((letter, facts.kind), self.exceptions.get(("", facts.kind), plain))

    def level(self, facts: Facts) -> str:
        """The level of a ticket."""
        for level, names in zip(self.levels, (self.high, self.middle)):
            if any(CONDITIONS[name](facts) for name in names):
                return level
        return self.levels[2]


def _by_group(parts: dict[str, str]) -> dict[str, str]:
    return {word: key for key, words in parts.items() for word in words.split()}


COMPANY = House(
    letters=_by_group({"K": "kitchen home", "E": "electronics tools", "S": "clothing sport leisure"}),
    digits=_by_group({"1": "late missing service", "2": "damaged dirty wrong", "3": "faulty noisy unsafe payment"}),
    exceptions={("", "payment"): "M1", ("K", "unsafe"): "E4", ("E", "unsafe"): "E4"},
    high=("dangerous", "deadline"),
    middle=("refund", "many"),
    levels=("P1", "P2", "P3"),
)

NAMES = """
Abrona Belvix Corditz Dunvale Estorma Falkner Gridola Hornbeck
""".split()
_LEVELS = (
    ("high", "middle", "low"), ("red", "yellow", "green"), ("1", "2", "3"), ("A", "B", "C"), ("now", "soon", "later"),
    ("L3", "L2", "L1"), ("urgent", "normal", "slow"), ("T0", "T1", "T2"),
)  # fmt: skip


def random_levels(rng: random.Random) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Conditions of the highest and of the middle level, never those of COMPANY."""
    while True:
        names = rng.sample(tuple(CONDITIONS), rng.randint(2, 5))
        cut = rng.randint(1, len(names) - 1)
        if set(names[:cut]) != set(COMPANY.high):
            return tuple(names[:cut]), tuple(names[cut:])


def _partition(rng: random.Random, words: tuple[str, ...], keys: list[str]) -> dict[str, str]:
    """Each word's key, no key unused."""
    shuffled = rng.sample(words, len(words))
    return {word: keys[i] if i < len(keys) else rng.choice(keys) for i, word in enumerate(shuffled)}


@cache
def house(name: str) -> House:
    """The house of a name, always the same."""
    rng = random.Random(f"house {name}")
    letters = _partition(rng, GROUPS, rng.sample("ABCDFGHJKLMNPRSTVW", rng.choice((3, 3, 4))))
    digits = _partition(rng, tuple(KINDS), rng.sample("123456789", rng.choice((3, 3, 4))))
    exceptions = {}
    for kind in rng.sample(tuple(KINDS), rng.choice((1, 2))):
        where = rng.choice(("", *sorted(set(letters.values()))))
        exceptions[where, kind] = rng.choice("ABCDFGHJKLMNPRSTVW") + rng.choice("123456789")
    high, middle = random_levels(rng)
    return House(letters, digits, exceptions, high, middle, rng.choice(_LEVELS))
