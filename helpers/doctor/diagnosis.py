"""Which case of the catalogue a report is: the first cause that a known wording names, or none.

A wrong name costs more than none, so words that could mean several things never decide against an exception that the
catalogue does not know.
"""

from dataclasses import dataclass

from helpers.doctor.catalogue import Case, load
from helpers.doctor.reading import Report, from_exception, read

# How sure: the message of an exception of a listed type, or pasted alone, or under another type; a warning or a line
# of the log; a description in words. UNSURE is for hints beside an exception that nothing explains.
LISTED, ALONE, OTHER, HINT, WORDS, UNSURE = 0.95, 0.85, 0.75, 0.7, 0.65, 0.3
NAMED = 0.6
DESCRIPTION = 600  # characters; in anything longer, words that stand near one another mean little
MOST = 3


@dataclass(frozen=True)
class Candidate:
    """A case that fits, from 0 (no) to 1 (sure)."""

    id: str
    confidence: float


@dataclass(frozen=True)
class Diagnosis:
    """The answer. `case` is None when the doctor does not know; `candidates` may still name what it thought of."""

    case: str | None
    candidates: tuple[Candidate, ...]
    title: str
    evidence: str
    cause: str
    fix: tuple[str, ...]
    notebook: str


UNKNOWN = Diagnosis(
    None, (), "I do not know this one", "", "Nothing in the catalogue explains this report for certain.", (), ""
)


def diagnose(report: str | BaseException) -> Diagnosis:
    """The cause of an exception, a traceback's text, a log or a described symptom. Never raises for any text.

    Of chained exceptions the first that is known decides, not the last wrapper. Needs no network and no library.
    """
    read_report = read(report if isinstance(report, str) else from_exception(report))
    ranked = sorted(filter(None, (match(case, read_report) for case in load())), key=lambda found: found[0])
    if not ranked:
        return UNKNOWN
    candidates = tuple(Candidate(case.id, confidence) for _, confidence, case, _ in ranked[:MOST])
    _, confidence, case, at = ranked[0]
    evidence = read_report.line(at)
    if confidence < NAMED:
        return Diagnosis(None, candidates, UNKNOWN.title, evidence, UNKNOWN.cause, (), "")
    return Diagnosis(case.id, candidates, case.title, evidence, case.cause, case.fix, case.notebook)


def match(case: Case, report: Report) -> tuple | None:
    """(sort key, confidence, case, position) of the case's best evidence, or None. Lower keys are better."""
    found = []
    unexplained = any(not header.wraps for header in report.headers)
    for wording in case.wordings:
        at = wording.find(report.flat)
        if at < 0:
            continue
        header = report.header(at, at + len(wording.parts[0]))
        if header is None:
            confidence = OTHER if unexplained else ALONE
        else:
            confidence = LISTED if header.type in case.types else OTHER
        found.append((confidence, at))
    weak = [(HINT, hint.find(report.flat)) for hint in case.hints]
    if len(report.flat) <= DESCRIPTION:
        weak += [(WORDS, symptom.find(report.flat)) for symptom in case.symptoms]
    found += [(UNSURE if unexplained else confidence, at) for confidence, at in weak if at >= 0]
    if not found:
        return None
    confidence, at = max(found, key=lambda item: (item[0], -item[1]))
    return (-confidence, at < report.last_chain, at, case.id), confidence, case, at
