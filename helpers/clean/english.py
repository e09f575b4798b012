"""Common English words, so that another word is no typing error; and which two of them are one: plurals, spellings."""

import re
from functools import cache, lru_cache

from helpers import DATA

WORDS = DATA / "words.txt"
_ENDINGS = r"((?:e|ed|es|er|ers|ing|ings|ation|ations|able)?)$"
_SPELLINGS = tuple(  # British forms, and what is written of them in America
    (re.compile(pattern), american)
    for pattern, american in (
        (r"(licen|practi|defen|offen|preten)c", r"\1s"),
        (r"\b(?!scour)([a-z]{2,})our(?!se|ce|n|t)", r"\1or"),
        (rf"([a-z]{{3}})is{_ENDINGS}", r"\1iz\2"),
        (rf"(aly)s{_ENDINGS}", r"\1z\2"),
        (r"\b(cent|(?:kilo|centi|milli)?met|lit|theat|fib|spect|calib|somb|lust)re([sd]?)$", r"\1er\2"),
        (r"([aeiou][a-z]{1,2}[aeiou])ll(ed|ings?|ers?|ors?)$", r"\1l\2"),
        (r"(log)ue(s?)$|(gram)me(s?)$|(dg)e(ments?)$", r"\1\2\3\4\5\6"),
        (r"\b(learn|burn|spell|spoil|dream|smell)t$", r"\1ed"),
        (r"\b(p?l)ough", r"\1ow"),
        (r"\b(m|sm)ould", r"\1old"),
        (r"ewellery", "ewelry"),
        (r"\bgrey", "gray"),
        (r"\btyre", "tire"),
        (r"\bpyj", "paj"),
        (r"minium", "minum"),
        (r"\bsceptic", "skeptic"),
    )
)
_PLURALS = (("y", "ies"), ("f", "ves"))
_NO_SINGULAR = set("new good custom mean arm glass thank need his this was has doe".split())


@cache
def _listed() -> frozenset[str]:
    return frozenset(line for line in WORDS.read_text(encoding="ascii").split("\n") if line.isalpha())


def is_listed(word: str) -> bool:
    """Whether the list has `word` (in lower case), as a word or as a name."""
    return word in _listed() or word.capitalize() in _listed()


def both_listed(a: str, b: str) -> bool:
    """Whether the list has both as words, or both as names, so that neither is a typing error."""
    return {a, b} <= _listed() or {a.capitalize(), b.capitalize()} <= _listed()


@lru_cache(maxsize=1 << 14)
def one_in_english(a: str, b: str) -> bool:
    """Whether `a` and `b` are one word: singular and plural, or as it is spelled in two countries."""
    return _plural(a, b) or _plural(b, a) or _american(a) == _american(b)


def _plural(one: str, many: str) -> bool:
    if len(one) < 3 or one in _NO_SINGULAR:
        return False
    return many in (f"{one}s", f"{one}es", *(f"{one[:-1]}{end}" for letter, end in _PLURALS if one[-1] == letter))


def _american(word: str) -> str:
    for pattern, american in _SPELLINGS:
        word = pattern.sub(american, word)
    return word
