"""Messages that break off: the text that was pasted ends within one."""

from collections.abc import Iterable, Iterator

from helpers.doctor.catalogue import Case, Part, Wording
from helpers.doctor.reading import Report

FEWEST = 16  # letters of a fragment's beginning that say which one it is
WHOLE = 22  # letters of a first fragment that say so without those after the *
REST = 80  # letters that may follow it before the text ends


def broken_off(case: Case, cases: Iterable[Case], given: Report) -> Iterator[int]:
    """Where a wording begins that the text ends within, of those whose beginning no other case has."""
    for wording in (*case.wordings, *case.hints):
        for stop in given.cuts:
            found = begun(wording, given.tight[:stop], given.flat, given.starts[given.index(stop - 1)])
            if found is None or not wording.fits(given):
                continue
            at, letters = found
            if (given.header(at) or given.headless) and not any(
                letters in one.tight for other in cases if other is not case for one in parts(other)
            ):
                yield at


def begun(wording: Wording, tight: str, flat: str, line: int) -> tuple[int, str] | None:
    """Where a wording begins that the text ends within, and the letters of it that are there; None without. A whole
    fragment stands in the `flat` text, too: an argument named `seed` makes no arguments. Behind it the last `line`,
    which begins there, may be as long as it is: a message lists names."""
    first, *others = wording.parts
    at = overlap(first, tight)
    if at is not None:
        return at, tight[at:]
    start = tight.rfind(first.tight)
    whole = start + len(first.tight)
    if start < 0 or not others or len(first.tight) < WHOLE or first.flat not in flat:
        return None
    if len(tight) - whole > REST and start < line:
        return None
    return (start, first.tight) if others[0].tight not in tight[whole:] else None


def overlap(part: Part, tight: str) -> int | None:
    """Where the text's end is the beginning of a fragment, at least FEWEST letters of it and not all; None without."""
    end = part.tight.find(tight[-FEWEST:]) + FEWEST
    there = FEWEST <= end < len(part.tight) and tight.endswith(part.tight[:end])
    return len(tight) - end if there else None


def parts(case: Case) -> Iterator[Part]:
    """All fragments of a case's wordings and hints."""
    return (part for wording in (*case.wordings, *case.hints) for part in wording.parts)
