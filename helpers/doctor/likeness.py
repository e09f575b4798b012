"""How like a description each case is: by words that few cases have, and by what words mean in either language.

This ranks: the case that comes first is rarely wrong about the matter. That the description is of a fault is for
`prose` to say.
"""

import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache

from helpers.doctor.catalogue import Case, concepts, plain

WORD = re.compile(r"[a-z][a-z0-9_.]*[a-z0-9]|[\u4e00-\u9fff]+|\d{2,}")
ENDING = re.compile(r"(?<=...)(?:ing|ed|es|s|ly)$")
EMPTY = frozenset(
    """the and for that this with from are not but was have has had you your can will when then than them they what
    which how why does did its use used using get got all any one two too also just only is it in of to on at as be by
    an or if so we my me no do""".split()
)
FEWEST = 3  # terms that a text has at least
SHORT = 30.0  # added to the squared length of a text: a few words alone say less


def terms(flat: str, meant: bool = True) -> list[str]:
    """The terms of a text, flat as for matching: words without their endings, parts of names, pairs of Chinese
    characters, and where `meant` concepts."""
    found = [f"@{name}" for name, pattern in concepts().items() if meant and pattern.search(flat)]
    for one in WORD.findall(flat):
        if one[0] >= "\u4e00":
            found += [one[n : n + 2] for n in range(len(one) - 1)]
            continue
        parts = [part for part in re.split(r"[_.]", one) if len(part) > 1 and part not in EMPTY]
        found += [ENDING.sub("", part) for part in parts]
        found += [one] if len(parts) > 1 else []
    return found


@cache
def weights(cases: tuple[Case, ...]) -> tuple[Mapping[str, float], Mapping[Case, Mapping[str, float]]]:
    """(the weight of each term: the logarithm of how few cases have it; the vector of each case, of length 1)."""
    counted = {case: Counter(term for said in own(case) for term in said) for case in cases}
    holders = Counter(term for counts in counted.values() for term in counts)
    rare = {term: math.log(len(cases) / count) for term, count in holders.items()}
    vectors = {}
    for case, counts in counted.items():
        vector = {term: (1 + math.log(count)) * rare[term] for term, count in counts.items()}
        length = math.sqrt(sum(value * value for value in vector.values())) or 1.0
        vectors[case] = {term: value / length for term, value in vector.items()}
    return rare, vectors


def own(case: Case) -> Iterator[set[str]]:
    """The terms of each text that a case has: of its title twice, of messages without what they mean."""
    for text in (case.title, case.title, case.cause, *case.described):
        yield set(terms(plain(text)))
    for wording in (*case.wordings, *case.hints):
        yield set(terms(wording.text, meant=False))


def ranked(flats: Iterable[str], cases: Sequence[Case]) -> list[tuple[float, Case, int]]:
    """(likeness from 0 to 1, case, number of the text that it is of) of the texts, the most like first."""
    rare, vectors = weights(tuple(cases))
    unknown = math.log(len(cases))
    best: dict[Case, tuple[float, int]] = {}
    for n, flat in enumerate(flats):
        said = set(terms(flat))
        if len(said) < FEWEST:
            continue
        vector = {term: rare[term] for term in said if term in rare}
        length = math.sqrt(SHORT + sum(rare.get(term, unknown) ** 2 for term in said))
        for case, has in vectors.items():
            score = sum(value * has.get(term, 0.0) for term, value in vector.items()) / length
            if score > best.get(case, (0.0, 0))[0]:
                best[case] = score, n
    return sorted(((score, case, n) for case, (score, n) in best.items()), key=lambda one: (-one[0], one[1].id))
