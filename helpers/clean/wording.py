"""How two texts differ in words, and which differences change nothing: courtesy, typing errors, common synonyms."""

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import lru_cache
from itertools import dropwhile
from operator import is_

from helpers.clean.english import one_in_english
from helpers.clean.vocabulary import (
    ADDED_FREELY,
    AUXILIARIES,
    BESIDE_COURTESY,
    COURTESY,
    COURTESY_PAIRS,
    FILLERS,
    HAN_COURTESY,
    HAN_MEANING,
    HAN_NUMBERS,
    HAN_PHRASES,
    HAN_TIMES,
    HAN_VARIANTS,
    HOW_TO,
    IN_A_SENTENCE_OF_COURTESY,
    LABELS,
    MEANING,
    MONTHS,
    NUMBER_WORDS,
    ONE_OF,
    OPENERS,
    PARTICLES,
    PHRASE_STARTS,
    REQUESTS,
    SHORT_FORMS,
    SURNAMES,
    SYNONYMS,
    TIMES,
)

CLAUSE, HAN_CLAUSE = 3, 4  # words, and characters, at least
LONGEST = 600  # words of one stretch without an equal sentence; longer ones are two texts
_ONE_BY_ONE = "\u0e00-\u0eff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af"  # scripts without spaces
_MARKS = "".join(
    c for c in map(chr, range(0x300, 0xE00)) if unicodedata.category(c)[0] == "M"
)  # parts of letters: vowel signs
_LETTER = rf"(?:[^\W_{_ONE_BY_ONE}]|[{_MARKS}])"
TOKEN = re.compile(
    rf"[{_ONE_BY_ONE}]|[0-9]+(?:[.,][0-9]+)*{_LETTER}*|{_LETTER}+(?:'{_LETTER}+)*|"
    r"[<>=+%^&|~€$£¥°]+|(?<=[0-9)\]])\s?[-*/]\s?(?=[0-9(])|"
    r"(?<=[\s(|=<>,\[{^*/+])-(?=[0-9])|(?<=[A-Za-z])#|[¬±×÷\u2190-\u22ff\u27c0-\u27ef\u2a00-\u2aff]"
)
_SENTENCE = re.compile(r"(?<=[.!?;:])\s+|(?<=[。！？；：])\s*|\n+")
_CONTRACTIONS = tuple(
    (re.compile(pattern, re.IGNORECASE), plain)
    for pattern, plain in (
        (r"\bcan't\b|\bcannot\b", "can not"),
        (r"\bwon't\b", "will not"),
        (r"n't\b", " not"),
        (
            r"(?<=\bwhat)'s\b|(?<=\bit)'s\b|(?<=\bthat)'s\b|(?<=\bwhere)'s\b|(?<=\bwho)'s\b|(?<=\bhow)'s\b|(?<=\bthere)'s\b|(?<=\bhere)'s\b",
            " is",
        ),
        (r"\bi'm\b", "I am"),
        (r"(?<=\bi)'d\b|(?<=\byou)'d\b|(?<=\bwe)'d\b|(?<=\bhow)'d\b", " would"),
        (r"'re\b", " are"),
        (r"'ve\b", " have"),
        (r"'ll\b", " will"),
    )
)
_HAN = re.compile("[\u3400-\u9fff]")
_THRICE, _TWICE = re.compile(r"(.)\1\1+"), re.compile(r"(.)\1+")
_DAY = re.compile(r"0?([12]?[0-9]|3[01])(?:st|nd|rd|th)?")
_NUMBERED = re.compile(r"\b[Nn]os?\.(?= ?[#0-9a-z])")  # no. 5, the phone no. of each
_ASIDES = re.compile(r"(?:,\s(?:say|like|right|um|uh|er|you see)|,?\s(?:well|you know|i mean)),(?=\s)", re.IGNORECASE)
_EDGE = "\x1e"  # of a sentence
_HAN_COURTESY = re.compile(f"(?:[{HAN_COURTESY}]|{HAN_PHRASES})+")
_HAN_VARIANTS = re.compile("|".join(HAN_VARIANTS) + "|周(?=[一二三四五六日天末])|(?<=[0-9])号(?![0-9a-zA-Z楼房室线])")
_NO_FEATURE = COURTESY | BESIDE_COURTESY | set(HAN_COURTESY) | {word for pair in COURTESY_PAIRS for word in pair}


@dataclass(frozen=True, slots=True)
class Token:
    """A word (a character where a script has no spaces): as it compares, whether it is written like a name."""

    word: str
    named: bool


@dataclass(frozen=True, slots=True)
class Change:
    """Words of one text that stand where the other has others, between the same words `before` and `after`.

    `around`: equal words stand in the same sentence.
    """

    removed: tuple[Token, ...]
    added: tuple[Token, ...]
    around: bool
    before: str
    after: str

    @property
    def one_word(self) -> bool:
        """Whether one word stands in the place of another."""
        return len(self.removed) == len(self.added) == 1 and self.around


class Sentence(tuple[Token, ...]):
    """The tokens of a sentence, and their words alone, which is what compares."""

    words: tuple[str, ...]
    slots: frozenset[str]

    def __new__(cls, tokens: Iterable[Token]):
        sentence = super().__new__(cls, tokens)
        sentence.words = tuple(token.word for token in sentence)
        return sentence

    def __getattr__(self, name: str):
        """`slots` when they are first asked for: each word with its neighbours, and the neighbours alone."""
        if name != "slots":
            raise AttributeError(name)
        edged = [_EDGE, *self.words, _EDGE]
        places = list(zip(edged, edged[1:], edged[2:]))
        self.slots = frozenset([slot(a, "", c) for a, _, c in places] + [slot(a, b, c) for a, b, c in places])
        return self.slots


def sentences(text: str) -> list[Sentence]:
    """The words of `text`, sentence by sentence, without case, width, punctuation and spacing."""
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text).replace("’", "'")
        text = _HAN_VARIANTS.sub(lambda found: HAN_VARIANTS.get(found[0], "星期" if found[0] == "周" else "日"), text)
    if "'" in text or "cannot" in text.casefold():
        for pattern, plain in _CONTRACTIONS:
            text = pattern.sub(plain, text)
    if "o." in text:
        text = _NUMBERED.sub("number ", text)
    if "," in text:
        text = _ASIDES.sub("", text)
    shouted = text.isupper()
    found = [found for piece in _SENTENCE.split(text) if (found := _sentence(piece, shouted))]
    return found or [Sentence(Token(mark, False) for mark in text if not mark.isspace())]  # emoji, punctuation alone


@lru_cache(maxsize=1 << 13)  # what many rows share is taken apart once, and is one object
def _sentence(piece: str, shouted: bool) -> Sentence:
    words = TOKEN.findall(piece)
    named = (i > 0 and not shouted and word[0].isupper() for i, word in enumerate(words))
    return Sentence(_day_first(list(_written_out(map(Token, map(_plain, words), named)))))


def _day_first(tokens: list[Token]) -> list[Token]:
    """Dates in one order: May 4, 4th of May and May 4th are 4 May."""
    for i, token in enumerate(tokens):
        if token.word not in MONTHS:
            continue
        if (day := _day(tokens, i + 1)) and not _day(tokens, i - 1):
            tokens[i : i + 2] = [Token(day, False), token]
        elif i > 1 and tokens[i - 1].word == "of" and (day := _day(tokens, i - 2)):
            tokens[i - 2 : i] = [Token(day, False)]
            return _day_first(tokens)
        elif day := _day(tokens, i - 1):
            tokens[i - 1] = Token(day, False)
    return tokens


def _day(tokens: list[Token], at: int) -> str:
    """The day of a month that stands `at` this place, or ""."""
    found = _DAY.fullmatch(tokens[at].word) if 0 <= at < len(tokens) else None
    return found[1] if found else ""


def _written_out(tokens: Iterable[Token]) -> Iterator[Token]:
    """Short forms as the words that they stand for, and no word twice in a row."""
    last = ""
    for token in tokens:
        if token.word in SHORT_FORMS:
            yield from (Token(word, False) for word in SHORT_FORMS[token.word])
        elif token.word == "got" and last in ("have", "has"):
            continue
        elif token.word != last or len(last) == 1 or not last.isalpha():
            yield token
        last = token.word


def _plain(word: str) -> str:
    return word.casefold().replace("'", "").strip()


def features(text: str) -> set[str]:
    """The words of `text` but for courtesy, and the pairs of neighbours in scripts without spaces."""
    plain = text.casefold() if text.isascii() else unicodedata.normalize("NFKC", text).replace("’", "'").casefold()
    words = TOKEN.findall(plain.replace("'", ""))
    if text.isascii():
        return set(map(str.strip, set(words).difference(_NO_FEATURE)))
    words = [word.strip() for word in words if word not in _NO_FEATURE]
    alone = [word if word >= "\u0e00" and len(word) == 1 else "" for word in words]
    return {a + b for a, b in zip(alone, alone[1:]) if a and b}.union(words)


def changes(one: list[Sentence], other: list[Sentence]) -> list[Change] | None:
    """Where the two texts differ, or None when they are different all through."""
    found = []
    for block_a, block_b in _unequal(one, other):
        first, second = ([token for sentence in block for token in sentence] for block in (block_a, block_b))
        if max(len(first), len(second)) > LONGEST:
            return None
        words = [[token.word for token in side] for side in (first, second)]
        matcher = SequenceMatcher(None, words[0], words[1], autojunk=False)
        if min(len(first), len(second)) > 20 and matcher.quick_ratio() < 0.5:
            return None
        codes = matcher.get_opcodes()
        around = any(code[0] == "equal" for code in codes)
        edged = [_EDGE, *words[0], _EDGE]
        for tag, i, j, k, m in codes:
            if tag == "replace" and j - i == m - k:
                pairs = zip(range(i, j), first[i:j], second[k:m])
                found += [Change((a,), (b,), around, edged[n], edged[n + 2]) for n, a, b in pairs]
            elif tag != "equal":
                found.append(Change(tuple(first[i:j]), tuple(second[k:m]), around, edged[i], edged[j + 1]))
    return found


def moved(one: list[Sentence], other: list[Sentence]) -> bool:
    """Whether one text is the other with a phrase of place or time, or a verb like "is", in another place."""
    blocks = list(_unequal(one, other))
    return all(
        _rotated(*([token.word for sentence in side for token in sentence] for side in block)) for block in blocks
    )


def _rotated(a: list[str], b: list[str]) -> bool:
    """Whether two phrases change places: anywhere where both begin as such phrases do, at the front where one does."""
    if a == b:
        return True
    if len(a) != len(b) or sorted(a) != sorted(b):
        return False
    start = next(i for i, (x, y) in enumerate(zip(a, b)) if x != y)
    end = next(i for i, (x, y) in enumerate(zip(reversed(a), reversed(b))) if x != y)
    first, second = a[start : len(a) - end], b[start : len(b) - end]
    for cut in range(1, len(first)):
        if first[cut:] + first[:cut] == second:
            heads = [phrase[0] in PHRASE_STARTS for phrase in (first[:cut], first[cut:])]
            single = any(_moves_freely(phrase) for phrase in (first[:cut], first[cut:]))
            clauses = min(cut, len(first) - cut) >= HAN_CLAUSE and all(map(is_han, first))
            return all(heads) or single or clauses or (any(heads) and start == 0)
    return _clauses_swapped(a, b)


def _clauses_swapped(a: list[str], b: list[str]) -> bool:
    """Whether "one and other" became "other and one", both of them clauses."""
    joints = [i for i, word in enumerate(a) if word == "and"]
    return any(min(i, len(a) - i - 1) >= CLAUSE and [*a[i + 1 :], "and", *a[:i]] == b for i in joints)


def _moves_freely(phrase: Sequence[str]) -> bool:
    """Whether a phrase may stand elsewhere in its sentence: "is", the "off" of "turn off", "today"."""
    if len(phrase) == 1:
        return phrase[0] in AUXILIARIES or phrase[0] in PARTICLES or phrase[0] in TIMES
    return "".join(phrase) in HAN_TIMES


def without_moves(differ: list[Change]) -> list[Change]:
    """`differ` without the words that were only put elsewhere: those that move freely, and a phrase of place or time
    that goes to the front, comes from there, or passes another one."""
    left = list(differ)
    for gone in differ:
        for come in differ:
            if gone.removed and not gone.added and not come.removed and _moved_phrase(gone, come):
                left = [change for change in left if change is not gone and change is not come]
    return left


def _moved_phrase(gone: Change, come: Change) -> bool:
    words = [token.word for token in gone.removed]
    if words != [token.word for token in come.added]:
        return False
    if _moves_freely(words):
        return True
    passed = _EDGE in (gone.before, come.before) or gone.after in PHRASE_STARTS or come.after in PHRASE_STARTS
    return words[0] in PHRASE_STARTS and passed


def without_equal(one: list[Sentence], other: list[Sentence]) -> tuple[list[Sentence], list[Sentence]]:
    """The sentences of each that the other has nowhere."""
    shared = Counter(sentence.words for sentence in one) & Counter(sentence.words for sentence in other)
    return _without(one, shared), _without(other, shared)


def _without(text: list[Sentence], shared: Counter) -> list[Sentence]:
    left = shared.copy()
    kept = []
    for sentence in text:
        if left[sentence.words]:
            left[sentence.words] -= 1
        else:
            kept.append(sentence)
    return kept


def slots(text: list[Sentence]) -> set[str]:
    """Each word of `text` with its neighbours, and the neighbours alone: the place in which it stands."""
    return set[str]().union(*(sentence.slots for sentence in text))


def slot(before: str, word: str, after: str) -> str:
    """The name of a word in its place, or with an empty `word` of the place."""
    return f"{before}\x1f{word}\x1f{after}"


def _unequal(a: list[Sentence], b: list[Sentence]) -> Iterator[tuple[list[Sentence], list[Sentence]]]:
    """Stretches of sentences in which two texts differ: equal beginnings and ends cost nothing."""
    shorter = min(len(a), len(b))
    same = [*map(is_, a, b), False]
    start = min(same.index(False), shorter)
    while start < shorter and _equal(a[start], b[start]):
        start += 1
    end = 0
    while end < shorter - start and _equal(a[-1 - end], b[-1 - end]):
        end += 1
    first, second = a[start : len(a) - end], b[start : len(b) - end]
    if not first or not second or len(first) == len(second) == 1:  # as in most pairs: nothing to match
        if first or second:
            yield first, second
        return
    words = [[sentence.words for sentence in side] for side in (first, second)]
    for tag, i, j, k, m in SequenceMatcher(None, words[0], words[1], autojunk=False).get_opcodes():
        if tag != "equal":
            yield first[i:j], second[k:m]


def _equal(a: Sentence, b: Sentence) -> bool:
    return a is b or a.words == b.words


def harmless(change: Change, two_words: Callable[[str, str], bool]) -> bool:
    """Whether `change` says nothing new. `two_words(a, b)`: whether both are known as words, so that neither is a
    typing error for the other."""
    if change.around and _pairwise(change.removed, change.added, two_words):
        return True
    at_edge = not change.around or _EDGE in (change.before, change.after)
    removed, added = (_without_courtesy(side, two_words, at_edge) for side in (change.removed, change.added))
    if not removed and not added:
        return bool(change.around or not change.removed or not change.added)
    if "".join(token.word for token in removed) == "".join(token.word for token in added):
        return True
    if not change.around:
        return _one_amount(removed, added) or all(token.word in LABELS for token in (*removed, *added))
    if change.before == _EDGE:
        removed, added = (tuple(dropwhile(lambda token: token.word in OPENERS, side)) for side in (removed, added))
        if (not removed or not added) and all(token.word in REQUESTS for token in (*removed, *added)):
            return True  # "could you show" for "show"
    if change.before == "how" and all(token.word in HOW_TO for token in (*removed, *added)):
        return len(removed) == len(added) == 1
    if _EDGE in (change.before, change.after) and all(token.word in LABELS for token in (*removed, *added)):
        return not removed or not added
    if _pairwise(removed, added, two_words) or _one_phrase(removed, added) or _one_amount(removed, added):
        return True
    less, more = (_without_fillers(side) for side in (removed, added))
    if _shortened(less, more) or _shortened(more, less):
        return True
    return _pairwise(less, more, two_words) or _one_phrase(less, more) or _one_amount(less, more)


def _shortened(short: tuple[Token, ...], long: tuple[Token, ...]) -> bool:
    """Whether one side is the other with "is" or "has" drawn to the word before: the road's blocked."""
    if len(long) != 2 or long[1].word not in ("is", "has"):
        return False
    return [token.word for token in short if token.word != "got"] == [long[0].word + "s"]


def _without_fillers(tokens: tuple[Token, ...]) -> tuple[Token, ...]:
    words = [token.word for token in tokens]
    gone = [word in ADDED_FREELY for word in words]
    for size in (2, 3, 4):
        for i in range(len(words) - size + 1):
            if tuple(words[i : i + size]) in FILLERS:
                gone[i : i + size] = [True] * size
    return tuple(token for token, empty in zip(tokens, gone) if not empty)


def _one_amount(removed: tuple[Token, ...], added: tuple[Token, ...]) -> bool:
    """Whether both sides are the same number, in digits or in words."""
    one, other = ([token.word for token in side] for side in (removed, added))
    if not one or not other:
        return False
    return any(value(one) == value(other) is not None for value in (_number, _parted))


def _parted(words: list[str]) -> list[str] | None:
    """A time or date as its numbers: 10.30, 10:30, 07:00."""
    parts = re.split("[.:]| ", " ".join(words))
    return [part.removeprefix("0") for part in parts] if len(parts) > 1 and all(map(str.isdecimal, parts)) else None


def _number(words: list[str]) -> int | None:
    """The whole number that `words` say, or None: 1,200, twelve hundred, twenty one."""
    if len(words) == 1 and (digits := words[0].replace(",", "")).isdecimal():
        return int(digits) if re.fullmatch(r"0?[0-9]|[1-9][0-9]*|[1-9][0-9]{0,2}(,[0-9]{3})+", words[0]) else None
    if all(word in HAN_NUMBERS for word in words):
        return _han_number(words)
    total = part = 0
    for word in words:
        if word in NUMBER_WORDS:
            value = NUMBER_WORDS[word]
            if value < 100:
                part += value
            elif value == 100:
                part = (part or 1) * 100
            else:
                total, part = total + (part or 1) * value, 0
        elif word != "and" or word is words[0]:
            return None
    return total + part


def _han_number(words: list[str]) -> int:
    """The number that Chinese characters say: 十二, 三百, 五千."""
    total = digit = 0
    for value in map(HAN_NUMBERS.__getitem__, words):
        if value < 10:
            digit = value
        else:
            total, digit = total + (digit or 1) * value, 0
    return total + digit


def _one_phrase(removed: tuple[Token, ...], added: tuple[Token, ...]) -> bool:
    """Whether one is a phrase that stands for the other, as "close to" for "near"."""
    one, other = (SYNONYMS.get("_".join(token.word for token in side), set()) for side in (removed, added))
    return bool(one & other)


def _pairwise(removed, added, two_words) -> bool:
    return len(removed) == len(added) and all(
        a.word == b.word or _same_word(a, b, two_words) for a, b in zip(removed, added)
    )


def _without_courtesy(tokens: tuple[Token, ...], two_words, at_edge: bool = False) -> tuple[Token, ...]:
    """The words that are more than courtesy. Little words go only beside it, or where they stand alone; `at_edge` of a
    sentence go more of them."""
    if _HAN_COURTESY.fullmatch("".join(token.word for token in tokens)) or not _without_fillers(tokens):
        return ()
    words = [token.word for token in tokens]
    polite = [word in COURTESY or _mistyped_courtesy(word, two_words) for word in words]
    for i, pair in enumerate(zip(words, words[1:])):
        if pair in COURTESY_PAIRS:
            polite[i] = polite[i + 1] = True
    if not any(polite):
        return tokens
    left = tuple(token for token, gone in zip(tokens, polite) if not gone and token.word not in BESIDE_COURTESY)
    if at_edge and all(token.word in IN_A_SENTENCE_OF_COURTESY or token.word in ADDED_FREELY for token in left):
        return ()
    return left


def _mistyped_courtesy(word: str, two_words) -> bool:
    return len(word) > 4 and word not in ONE_OF and _slip_in_courtesy(word) and not two_words(word, word)


@lru_cache(maxsize=1 << 16)
def _slip_in_courtesy(word: str) -> bool:
    return any(is_typo(word, other) for other in COURTESY)


def _same_word(a: Token, b: Token, two_words) -> bool:
    if _synonyms(a.word, b.word):
        return True
    if a.named and b.named or a.word in ONE_OF and b.word in ONE_OF:
        return False
    if one_in_english(a.word, b.word):
        return True
    if two_words(a.word, b.word) or not is_typo(a.word, b.word):
        return False
    # words of courtesy are not counted: what looks like one is another word where the rows use it
    return not any(one.word in _NO_FEATURE and two_words(other.word, other.word) for one, other in ((a, b), (b, a)))


@lru_cache(maxsize=1 << 14)
def _synonyms(a: str, b: str) -> bool:
    """Whether the two stand for one another, as they are or with one ending: bill and charge, billed and charged."""
    if SYNONYMS.get(a, set()) & SYNONYMS.get(b, set()):
        return True
    return any(SYNONYMS[one] & SYNONYMS[other] for end, one in _stems(a) for same, other in _stems(b) if end == same)


def _stems(word: str) -> list[tuple[str, str]]:
    """Ending and stem, where the stem is a word that has synonyms."""
    found = []
    for end in ("s", "ed", "ing"):
        if len(word) > len(end) + 2 and word.endswith(end):
            stem = word.removesuffix(end)
            forms = (stem, stem + "e", stem[:-1] + "y" if stem[-1] == "i" else stem, stem[:-1], stem.removesuffix("e"))
            found += [
                (end, form)
                for form in dict.fromkeys(forms[:3] + forms[3:] * (end != "s" or stem.endswith("e")))
                if form in SYNONYMS
            ]
    return found


def is_typo(a: str, b: str) -> bool:
    """Whether one slip of the fingers turns one word into the other: a letter more, less or other, two swapped, one
    that was held down, or doubled in the wrong place."""
    if _THRICE.search(a + " " + b) and a.isalpha() and b.isalpha():
        return _TWICE.sub(r"\1", a) == _TWICE.sub(r"\1", b)
    if min(len(a), len(b)) < 3 or not (a.isalpha() and b.isalpha()) or _HAN.search(a + b):
        return False
    if len(a) == len(b) == 3:
        return a[0] == b[0] and a[1:] == b[:0:-1]
    if min(len(a), len(b)) > 3 and _TWICE.sub(r"\1", a) == _TWICE.sub(r"\1", b):
        return True
    if a > b if len(a) == len(b) else len(a) > len(b):
        a, b = b, a
    if len(b) - len(a) > 1 or (len(b) > len(a) and b[0] == "a" and b[1:] == a):  # typical, atypical
        return False
    at = next((i for i, (one, other) in enumerate(zip(a, b)) if one != other), len(a))
    if len(a) < len(b):
        return a[at:] == b[at + 1 :]
    swapped = a[at : at + 2] == b[at : at + 2][::-1] and a[at + 2 :] == b[at + 2 :]
    return swapped or (at > 0 and a[at + 1 :] == b[at + 1 :])


def is_han(word: str) -> bool:
    """Whether a word is a Chinese character."""
    return _HAN.match(word) is not None


def carries_meaning(change: Change, two_words: Callable[[str, str], bool]) -> bool:
    """Whether `change` is about a number, a name, a negation or the like, so that no equal answer makes up for it."""
    sides = [_without_courtesy(side, two_words) for side in (change.removed, change.added)]
    both = [token for side in sides for token in side]
    if all(any(token.word in ONE_OF for token in side) for side in sides):
        return True
    han = any(_HAN.match(token.word) for token in both)
    return any(_meaningful(token, han) for token in both)


def _meaningful(token: Token, among_han: bool) -> bool:
    word = token.word
    if _HAN.match(word):
        return word in HAN_MEANING or word in SURNAMES
    return token.named or word in MEANING or among_han or not word.isalpha()
