"""Help for what the catalogue does not know: the cases that are most like it, and what to paste."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from helpers.doctor.catalogue import Case
from helpers.doctor.likeness import ranked, terms
from helpers.doctor.reading import Report

TWO = 2
TYPE = 0.2  # what it adds to the likeness when the exception is of a type that few cases have
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
    kind = given.last.type if given.last else ""
    said = message(given)
    alike = {case.id: score for score, case, _ in ranked([said], cases)}
    order = sorted(
        (case for case in cases if case.id not in against),
        key=lambda case: (-alike.get(case.id, 0.0) - TYPE * (kind in case.types and kind not in GENERIC), case.id),
    )
    known = {case.id: case for case in cases}
    first = [Near(one, known[one].title, why) for one, why in against.items()][:TWO]
    rest = [Near(case.id, case.title, because(case, said)) for case in order[: TWO - len(first)]]
    return (*first, *rest)


def message(given: Report) -> str:
    """The flat text of the last exception's line and what follows it; of a report without one, all."""
    start = given.flat_at(given.last.at) if given.last else 0
    return given.flat[start : start + 400]


def because(case: Case, said: str) -> str:
    """Why a case that is alike does not fit: what it would say."""
    texts = [wording.text for wording in (*case.wordings, *case.hints)]
    if not texts:
        return "the report describes something else"
    words = set(terms(said))
    closest = max(texts, key=lambda text: len(words & (own := set(terms(text.lower())))) / (1 + len(own)))
    return f'it would say "{closest.strip()}"'


def paste(given: Report) -> str:
    """What more of the report would help."""
    if given.last is None and not given.traced:
        return "the error itself: all lines from 'Traceback (most recent call last)' to the last one"
    if given.last is None:
        return "the end of the traceback: its last line says which error it is"
    if not given.traced:
        return "the lines above it, from 'Traceback (most recent call last)' on: they say who raised it"
    return "the twenty lines before the traceback, and what `python -m helpers check` says of the versions"
