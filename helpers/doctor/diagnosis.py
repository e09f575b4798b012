"""Which case of the catalogue a report is: the first cause that a known wording names, or none.

A wrong name costs more than none: an answer needs an exception or a sentence that describes a fault, and what stands
before an exception that the catalogue does not know, or before the run went on, is not the answer.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from helpers.doctor import likeness, prose
from helpers.doctor.catalogue import Case, load
from helpers.doctor.cut import broken_off
from helpers.doctor.nearest import Near, nearest, paste
from helpers.doctor.reading import Report, from_exception, read

# How sure: the message of an exception of a listed type, or pasted alone, or under another type; a warning or a line
# of the log; a description in words. UNSURE is for what another line of the report speaks against, FAINT for a hint
# beside an exception that says something else.
LISTED, ALONE, OTHER, HINT, WORDS, UNSURE, FAINT = 0.95, 0.85, 0.75, 0.7, 0.65, 0.3, 0.2
# A traceback that was cut before its exception says it, by where it was, or by how the message begins.
FRAMES, BROKEN = 0.62, 0.61
NAMED = BY_LIKENESS = 0.6
ALIKE, MARGIN = 0.14, 1.35  # likeness that names a case, and how many times that of the second it is
FAR = 2.2  # the same where another case's words come first
BARELY = re.compile(r"(?:[\w.]+\.)?(?:exception|(?:fatal )?error): (?=\S)")  # a program's message, no description
EXACT = 30  # letters by which a sentence is found again
STORY = 3_000  # characters that a person writes; more is a log
MOST = 3
REPEATED = 20
TELLING = 14  # letters of a fragment that says something even without its library
GONE = re.compile(r"([A-Za-z_][\w.]*)\(\) got an unexpected keyword argument \W?(\w+)")


@dataclass(frozen=True)
class Candidate:
    """A case that fits, from 0 (no) to 1 (sure)."""

    id: str
    confidence: float


@dataclass(frozen=True)
class Evidence:
    """Where a case shows in a report, how sure that makes it, and what speaks against it."""

    case: Case
    confidence: float
    at: int
    against: str = ""


@dataclass(frozen=True)
class Diagnosis:
    """The answer. `case` is None when the doctor does not know: then `evidence` is the last exception's line, `nearest`
    the cases that are most like it, `paste` what more to give. `unexpected` is the call and the argument that it
    refused."""

    case: str | None
    candidates: tuple[Candidate, ...]
    title: str
    evidence: str
    cause: str
    fix: tuple[str, ...]
    notebook: str
    nearest: tuple[Near, ...] = ()
    paste: str = ""
    unexpected: tuple[str, str] | None = None


def diagnose(report: str | BaseException) -> Diagnosis:
    """The cause of an exception, a traceback's text, a log or a described symptom. Never raises for any text.

    Of exceptions that caused one another the first that is known decides, not the last wrapper; of others the last.
    Needs no network and no library.
    """
    given = read(report if isinstance(report, str) else from_exception(report))
    best = (
        max(found, key=lambda one: (one.confidence, -one.at)) for case in load() if (found := list(match(case, given)))
    )
    ranked = sorted(best, key=lambda one: (-one.confidence, one.at, one.case.id))
    if len(ranked) > 1 and ranked[0].confidence == ranked[1].confidence == WORDS:
        ranked = by_words(ranked, given)
    ranked = ranked or by_likeness(given)
    candidates = tuple(Candidate(one.case.id, one.confidence) for one in ranked[:MOST])
    if not ranked or ranked[0].confidence < NAMED:
        return unknown(given, candidates, {one.case.id: one.against for one in ranked})
    case, line = ranked[0].case, given.line(ranked[0].at)
    return Diagnosis(
        case.id, candidates, case.title, line, case.cause, case.fix, case.notebook, unexpected=refused(given)
    )


def by_words(ranked: list[Evidence], given: Report) -> list[Evidence]:
    """The evidence with what a description's words say in order: what comes first, unless another case is far more like
    it."""
    alike = {case: score for score, case, _ in likeness.ranked(prose.complaints(given.flats), load())}
    first = alike.get(ranked[0].case, 0.0)
    better = [one for one in ranked if one.confidence == WORDS and alike.get(one.case, 0.0) > FAR * first]
    return sorted(ranked, key=lambda one: (one not in better, -alike.get(one.case, 0.0) if one in better else 0))


def by_likeness(given: Report) -> list[Evidence]:
    """The case that a description is most like, when it tells of a fault that people describe and no second is near."""
    if given.last or given.framed >= 0 or len(given.flat) > STORY or not prose.of_this_field(given.flat):
        return []
    if (
        prose.settled(given.flats)
        or prose.of_speed(given.told)
        or prose.wishes(given.flat)
        or any(map(BARELY.match, given.flats))
    ):
        return []
    complaints = prose.complaints(given.flats)
    found = likeness.ranked(complaints, load())
    if not found:
        return []
    score, case, n = found[0]
    if score < ALIKE or not case.described or any(score < MARGIN * second for second, *_ in found[1:2]):
        return []
    if any(symptom.excludes(given.told) for symptom in case.symptoms):
        return []
    at = max(0, given.flat.find(complaints[n][:EXACT]))
    return [Evidence(case, BY_LIKENESS, given.at_flat(at))]


def unknown(given: Report, candidates: tuple[Candidate, ...], against: dict[str, str]) -> Diagnosis:
    """The answer where no case fits: what was seen, what is most like it, and what would help."""
    line = given.line(given.last.at if given.last else len(given.tight))
    return Diagnosis(
        None,
        candidates,
        "I do not know this one",
        line,
        "Nothing in the catalogue explains this report for certain.",
        (),
        "",
        nearest(given, load(), against),
        paste(given),
    )


def refused(given: Report) -> tuple[str, str] | None:
    """The call and the argument of the last "got an unexpected keyword argument" of the report."""
    found = GONE.findall("\n".join(given.lines[-400:]))
    return found[-1] if found else None


def match(case: Case, given: Report) -> Iterator[Evidence]:
    """All evidence of one case."""
    for wording in (*case.wordings, *case.tails):
        for n, (start, end) in enumerate(ends(wording.find(given))):
            if n == 0 and not wording.fits(given):
                if end - start >= TELLING:
                    yield Evidence(
                        case, UNSURE, start, "its words are there, but nothing of the library that says them"
                    )
                break
            header = given.header(end - 1)
            if header is None and prose.elsewhere(given.flat):
                yield Evidence(case, UNSURE, start, "it is about other software")
            elif header is None:
                yield weighed(case, OTHER if given.last else ALONE, start, given)
            else:
                yield weighed(case, LISTED if header.type in case.types else OTHER, start, given)
    yield from unfinished(case, given)
    weak = [(HINT, start) for hint in case.hints for start, _ in ends(hint.find(given)) if hint.fits(given)]
    if len(" ".join(given.told.split())) <= prose.DESCRIPTION:
        found = (at for symptom in case.symptoms for at in symptom.find(given.told))
        weak += [(WORDS, given.at_flat(at)) for at in found]
    for confidence, start in weak:
        if given.last:
            yield Evidence(case, FAINT, start, "the exception says something else")
        elif prose.elsewhere(given.flat):
            yield Evidence(case, FAINT, start, "it is about other software")
        elif prose.of_speed(given.told):
            yield Evidence(case, FAINT, start, "it is about speed")
        else:
            yield weighed(case, confidence, start, given)


def unfinished(case: Case, given: Report) -> Iterator[Evidence]:
    """What speaks for a case where the message is cut, missing, or in another language."""
    for start in broken_off(case, load(), given):
        yield weighed(case, BROKEN, start, given)
    if given.headless:
        for frame in (*case.frames, *case.last_frames):
            for start, end in ends(frame.find(given.ended))[-1:]:
                within = end > given.framed or frame not in case.last_frames
                if within and frame.fits(given.ended):
                    yield weighed(case, FRAMES, min(start, given.framed), given)
    if given.last and (said := prose.translated(given.flat, given.flat_at(given.last.at))):
        for symptom in case.symptoms:
            if any(True for _ in symptom.find(said)):
                yield weighed(case, WORDS, given.last.at, given)


def ends(found: Iterator[tuple[int, int]]) -> list[tuple[int, int]]:
    """The first and the last of many places: a log repeats itself."""
    places = list(found)
    return places if len(places) <= 2 * REPEATED else places[:REPEATED] + places[-REPEATED:]


def weighed(case: Case, confidence: float, at: int, given: Report) -> Evidence:
    """The evidence at a position, unsure where the report itself speaks against it."""
    header, last = given.header(at), given.last
    if last and at < given.chains[last.chain] and (header is None or header.chain != last.chain):
        return Evidence(case, UNSURE, at, "a later exception ended the run")
    after = given.flat[given.flat_at(at) :]
    if confidence not in (HINT, WORDS) and not (header and header.type.endswith("Warning")) and prose.went_on(after):
        return Evidence(case, UNSURE, at, "the run went on after it")
    if len(given.flat) <= STORY:
        if prose.settled(given.flats[given.index(at) if last else 0 :]):
            return Evidence(case, UNSURE, at, "the report says that it is settled")
        if last is None and not given.traced and prose.asks(prose.sentence(given.flat, given.flat_at(at))):
            return Evidence(case, UNSURE, at, "a question about it is no fault")
    return Evidence(case, confidence, at)
