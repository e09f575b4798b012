"""Help for what the catalogue does not know: the cases that are most like it, and what to paste."""

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from helpers.doctor.catalogue import Case
from helpers.doctor.reading import Report

TWO = 2
WORD = re.compile(r"[a-z_][a-z0-9_]{2,}|[\u4e00-\u9fff]{2}")
GENERIC = ("ValueError", "RuntimeError", "TypeError", "KeyError", "OSError", "AttributeError", "ImportError")


@dataclass(frozen=True)
class Near:
    """A case that is like the report, and why it is not the answer."""

    id: str
    title: str
    why: str


def nearest(given: Report, cases: Sequence[Case], against: Mapping[str, str]) -> tuple[Near, ...]:
    """The two cases most like the report: first those that `against` says something of, then by their words."""
    if not given.lines:
        return ()
    said = frozenset(WORD.findall(message(given)))
    kind = given.last.type if given.last else ""
    weights = rarity(tuple(cases))
    ranked = sorted((-likeness(case, said, kind, weights), case.id, case) for case in cases if case.id not in against)
    known = {case.id: case for case in cases}
    first = [Near(one, known[one].title, why) for one, why in against.items()][:TWO]
    rest = [Near(case.id, case.title, because(case, said, weights)) for _, _, case in ranked[: TWO - len(first)]]
    return (*first, *rest)


def message(given: Report) -> str:
    """The flat text of the last exception's line and what follows it; of a report without one, all."""
    start = given.flat_at(given.last.at) if given.last else 0
    return given.flat[start : start + 400]


def likeness(case: Case, said: frozenset[str], kind: str, weights: Mapping[str, float]) -> float:
    """How much of one of the case's wordings the report holds, rare words for more, and whether the type fits."""
    share = max((shared(words, said, weights) for words in phrases(case)), default=0.0)
    return share + (0.3 if kind in case.types and kind not in GENERIC else 0.05 * (kind in case.types))


def because(case: Case, said: frozenset[str], weights: Mapping[str, float]) -> str:
    """Why a case that is alike does not fit: what it would say."""
    texts = [wording.text for wording in (*case.wordings, *case.hints)]
    if not texts:
        return "the report describes something else"
    closest = max(texts, key=lambda text: shared(frozenset(WORD.findall(text.lower())), said, weights))
    return f'it would say "{closest.strip()}"'


def shared(words: frozenset[str], said: frozenset[str], weights: Mapping[str, float]) -> float:
    """The share of the words that the report holds, each by its weight, from 0 to 1."""
    whole = sum(weights.get(word, 1.0) for word in words)
    return sum(weights.get(word, 1.0) for word in words & said) / whole if whole else 0.0


@cache
def phrases(case: Case) -> tuple[frozenset[str], ...]:
    """The words of each wording of a case."""
    return tuple(frozenset(WORD.findall(one.text.lower())) for one in (*case.wordings, *case.hints))


@cache
def rarity(cases: tuple[Case, ...]) -> Mapping[str, float]:
    """The weight of each word of the catalogue: the logarithm of how few cases have it."""
    holders = Counter(word for case in cases for word in frozenset().union(*phrases(case)))
    return {word: math.log(1 + len(cases) / count) for word, count in holders.items()}


def paste(given: Report) -> str:
    """What more of the report would help."""
    if given.last is None and not given.traced:
        return "the error itself: all lines from 'Traceback (most recent call last)' to the last one"
    if given.last is None:
        return "the end of the traceback: its last line says which error it is"
    if not given.traced:
        return "the lines above it, from 'Traceback (most recent call last)' on: they say who raised it"
    return "the twenty lines before the traceback, and what `python -m helpers check` says of the versions"
