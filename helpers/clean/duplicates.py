"""Rows that say the same: the answer agrees, and the prompt agrees outside of what many rows share.

What two prompts have in common says little where it is an instruction, a schema or a text that other rows have, too.
So two rows are the same when the answers agree and all that differs in the prompts changes nothing (courtesy, a typing
error, a synonym, a plural, a phrase in another place, a word that nobody else has in a place where all others have one
and the same). What English has as two words, or the rows do, is no typing error. Where the answer is long and rare,
more may differ: so much that the words of the prompts, each weighed by how rare it is in the file, still agree by a
Jaccard index of at least the threshold, or one word; but no number, name or negation, and no word for another that
English has (unless a lower threshold was asked for). MinHash (Broder 1997) over the words that few rows have finds the
candidates; each is compared in full.
"""

import hashlib
import json
import math
import re
import unicodedata
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from helpers.clean.english import both_listed, is_listed
from helpers.clean.formats import Messages
from helpers.clean.repair import looks_like_code
from helpers.clean.wording import (
    TOKEN,
    Change,
    Sentence,
    carries_meaning,
    changes,
    features,
    harmless,
    is_han,
    moved,
    sentences,
    slot,
    slots,
    without_equal,
    without_moves,
)

BANDS, ROWS_PER_BAND = 27, 3  # a pair of Jaccard 0.6 is found with 99.8%, one of 0.1 with 3%
NEAR = 0.7
FEW_WORDS = 6  # the rarest words that stand for a row of which most words are common
GROUP = 16  # so many rows with one answer are all compared; of more, those that MinHash finds
FEW_ROWS = 4  # of which it cannot be said what they share
ALIKE = 0.2  # the least Jaccard index, as the signatures estimate it, of a candidate
COMPARED = 512  # rows whose words are kept at hand
LOOKED_AT = 48  # candidates of one row, the likeliest first
SPECIFIC = 6  # words of an answer that no two questions have by chance
PROSE = 12
LETTERS = 0.5  # that two words share, from which on they look alike
_SORTED = json.JSONEncoder(sort_keys=True, ensure_ascii=False)
_HAN = re.compile("[\u3400-\u9fff]")
_ANSWER_MARKS = re.compile(r"[0-9]+(?:[.,][0-9]+)*|\w+|[^\w\s.,;:!?'\"`。，、！？；：“”‘’]")


@dataclass(frozen=True)  # no slots: those are pickled in Python, field by field
class Fingerprint:
    """What is known of a row without the others: hashes of all of it, of its prompt and of its answer; whether the
    answer is `long`, whether it is `prose`; how many words it has, and how many numbers of 4 bytes are kept of it
    elsewhere: one for the answer, the words, and of rows with a short answer each word in its place."""

    exact: bytes
    prompt: bytes
    answer: bytes
    long: bool
    prose: bool
    words: int
    numbers: int


def prompt_text(messages: Messages) -> str:
    """What the user says in `messages`, system text left out (it is often the same for all rows)."""
    return "\n".join(message["content"] for message in messages if message["role"] == "user")


def normalised(text: str) -> str:
    """Letters and digits of `text` without case, width, punctuation and spacing."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    words = " ".join(re.findall(r"[^\W_]+", folded))
    return words if text.isascii() else re.sub(r"(?<=[\u3400-\u9fff]) | (?=[\u3400-\u9fff])", "", words)


def _as_asked(text: str) -> str:
    """A prompt without case, width, spacing and punctuation; signs, symbols and vowel signs stay."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return " ".join(TOKEN.findall(folded)) or "".join(folded.split())  # without a word: emoji, punctuation


def shingles(text: str) -> set[str]:
    """The character n-grams of the normalised text: 5 letters for Latin, 3 for Chinese, which says more in each."""
    bare = normalised(text) or text
    size = 3 if len(_HAN.findall(bare)) * 3 > len(bare) else 5
    return {bare[i : i + size] for i in range(max(1, len(bare) - size + 1))}


def jaccard(a: set[str], b: set[str]) -> float:
    """Shared n-grams over all n-grams."""
    return len(a & b) / len(a | b) if a or b else 1.0


def minhash(tokens: list[bytes]):
    """The MinHash of a set: 81 minima of 4 bytes."""
    from rensa import RMinHash

    mark = RMinHash(num_perm=BANDS * ROWS_PER_BAND, seed=1)
    mark.update(tokens)
    return mark


def new_index():
    """An empty index that finds the rows whose signatures share a band: `insert(row, mark)`, `query(mark)`."""
    from rensa import RMinHashLSH

    return RMinHashLSH(threshold=NEAR, num_perm=BANDS * ROWS_PER_BAND, num_bands=BANDS)


def asked(row: dict) -> str:
    """All of a row that stands before the last answer: its tools and every turn."""
    turns = [_said(message) for message in row["messages"][:-1]]
    return "\n".join([*turns, *(json.dumps(row[name]) for name in ("tools",) if row.get(name))])


def answered(row: dict) -> str:
    """The last answer of a row."""
    return _said(row["messages"][-1])


def _said(message: dict) -> str:
    if len(message) == 2 and "content" in message:
        return message["content"] or ""
    rest = {name: value for name, value in message.items() if name not in ("role", "content") and value}
    return (message.get("content") or "") + (json.dumps(rest, sort_keys=True) if rest else "")


def fingerprint(row: dict) -> tuple[Fingerprint, bytes]:
    """The fingerprint of a row and its words: hashes of 4 bytes, the first that of the answer."""
    question, answer = asked(row), answered(row)
    marks = _marks(answer)
    prose = len(marks) >= PROSE and answer.lstrip()[:1] not in "{[<" and not looks_like_code(answer)
    key = _answer_key(marks, answer)
    words = features(f"{question}\n{answer}" if prose else question)
    long = len(marks) >= SPECIFIC
    hashes, places = _hashes(words), [] if long else _hashes(slots(sentences(question)))
    packed = np.array([int.from_bytes(key[:4], "little"), *hashes, *places], dtype=np.uint32)
    exact = [(m["role"], _said(m).strip()) for m in row["messages"]]
    prompt = _digest(_as_asked(prompt_text(row["messages"])))
    exact_key = _digest(repr((exact, row.get("tools"))))
    return Fingerprint(exact_key, prompt, key, long, prose, len(hashes), len(packed)), packed.tobytes()


def _hashes(words: set[str]) -> list[int]:
    return sorted(set(map(_hash, words)))


@lru_cache(maxsize=1 << 17)  # most words stand in many rows
def _hash(word: str) -> int:
    return zlib.crc32(word.encode("utf-8", "surrogatepass"))


class Said(NamedTuple):
    """A row as it is compared: what is asked, the answer, and the hash that it shares with answers that agree."""

    question: list[Sentence]
    answer: str
    key: bytes


def _said_in(row: dict) -> Said:
    answer = answered(row)
    return Said(sentences(asked(row)), answer, _answer_key(_marks(answer), answer))


def _answer_key(marks: list[str], answer: str) -> bytes:
    return _digest("\x1f".join(marks) or answer.strip())


def _marks(answer: str) -> list[str]:
    return _ANSWER_MARKS.findall(_canonical(answer))


def _canonical(answer: str) -> str:
    """An answer without what layout changes; the keys of a JSON object in one order."""
    text = unicodedata.normalize("NFKC", answer).casefold()
    if text.lstrip()[:1] in ("{", "["):
        try:
            return _SORTED.encode(json.loads(text))
        except (ValueError, RecursionError):
            pass
    return text


def _digest(text: str) -> bytes:
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=12).digest()


class Counts:
    """In how many rows each word stands, in a table of fixed size: two words may share an entry, which counts both."""

    def __init__(self, rows: int, words: int):
        self.rows, self.common = rows, max(10, int(2 * rows**0.5))
        self.mask = np.uint32((1 << min(22, max(18, (4 * words).bit_length()))) - 1)
        self.table = np.zeros(int(self.mask) + 1, dtype=np.uint32)

    def add(self, words: np.ndarray) -> None:
        """Count the words of whole rows."""
        np.add.at(self.table, words & self.mask, np.uint32(1))

    def of(self, word: str) -> int:
        return int(self.table[_hash(word) & int(self.mask)])

    def weight(self, word: str) -> float:
        """The inverse document frequency of `word`: 0 where every row has it, and of courtesy, which is not counted."""
        return math.log((self.rows + FEW_ROWS) / (min(self.of(word), self.rows) or self.rows + FEW_ROWS))

    def rare(self, words: np.ndarray) -> np.ndarray:
        """Those of a row's `words` that few rows have, or the few that are rarest."""
        rows = self.table[words & self.mask]
        own = words[rows <= self.common]
        return own if len(own) >= FEW_WORDS else words[np.argsort(rows, kind="stable")[:FEW_WORDS]]


class Rows:
    """The rows so far, as fingerprints; `read(offset)` gives the text of one back. Finds the one that says the same.

    With `by_answer` the answers must agree; without, the prompts alone decide, and an answer helps only where both have
    one.
    """

    def __init__(self, read: Callable[[int], dict], counts: Counts, threshold: float, by_answer: bool = True):
        self.read, self.counts, self.threshold, self.by_answer = read, counts, threshold, by_answer
        self.index = new_index()
        self.groups: dict[bytes, list[int]] = {}
        self.marks: list = []
        self.places: list[tuple[int, str]] = []
        # the first rows of a group are compared again and again
        self.said = lru_cache(maxsize=COMPARED)(lambda offset: _said_in(read(offset)))

    def find(self, line: bytes, print_: Fingerprint, words: np.ndarray) -> str | None:
        """Where the row that says the same as that of `line` came from, or None."""
        group = self.groups.get(print_.answer, []) if self.by_answer else []
        found = set(group)
        if len(group) >= GROUP or print_.prose or not self.by_answer:
            found.update(self._alike(self._mark(print_, words)))
        if not found:
            return None
        row = json.loads(line)
        said = _said_in(row)
        specific = print_.long and int(self.counts.table[words[0] & self.counts.mask]) <= max(
            4, self.counts.rows // 200
        )
        for key in sorted(found):
            offset, place = self.places[key]
            if self._same(self.said(offset), said, print_.prose, specific):
                return place
        return None

    def add(self, offset: int, place: str, print_: Fingerprint, words: np.ndarray) -> None:
        group = self.groups.setdefault(print_.answer, [])
        if len(group) < GROUP:
            group.append(len(self.places))
        mark = self._mark(print_, words)
        self.index.insert(len(self.marks), mark)
        self.marks.append(mark)
        self.places.append((offset, place))

    def _alike(self, mark) -> list[int]:
        """The rows whose words look most like those of `mark`."""
        near = ((mark.jaccard(self.marks[key]), -key) for key in self.index.query(mark))
        return [-key for _, key in sorted((one for one in near if one[0] >= ALIKE), reverse=True)[:LOOKED_AT]]

    def _mark(self, print_: Fingerprint, words: np.ndarray):
        salt = b"" if print_.prose or not self.by_answer else print_.answer[:8]
        own = self.counts.rare(words[1 : 1 + print_.words]).tobytes()
        return minhash([salt + own[i : i + 4] for i in range(0, len(own), 4)])

    def _same(self, there: Said, here: Said, prose: bool, specific: bool) -> bool:
        equal = there.key == here.key
        if not equal and self.by_answer:
            differ = changes(sentences(here.answer), sentences(there.answer)) if prose else None
            if differ is None or not all(harmless(change, self._two_words) for change in differ):
                return False
        return self._agree(here.question, there.question, specific and equal)

    def _agree(self, a: list, b: list, specific: bool) -> bool:
        differ = changes(*without_equal(a, b)) if specific else changes(a, b)
        if differ is None:
            return False
        if len(differ) > 1 and moved(a, b):
            return True
        differ = without_moves(differ)
        two_words = self._two_words if specific else self._maybe_two
        telling = (c for c in differ if not harmless(c, two_words) and not self._variant(c))
        if not specific:
            return next(telling, None) is None
        more = list(telling)
        if not more:
            return True
        if any(carries_meaning(change, self._two_words) for change in more):
            return False
        if self.threshold >= NEAR and any(map(_another_word, more)):
            return False
        return (len(more) == 1 and more[0].one_word) or self._overlap(a, more) >= self.threshold

    def _variant(self, change: Change) -> bool:
        """Whether a word stands nowhere but in this place, where nearly all rows have the other of the two."""
        if not change.one_word or carries_meaning(change, self._two_words):
            return False
        pair = (change.removed[0].word, change.added[0].word)
        if both_listed(*pair) and jaccard(set(pair[0]), set(pair[1])) >= LETTERS:  # car and cat, not find and locate
            return False
        in_place = [self.counts.of(slot(change.before, word, change.after)) for word in pair]
        rare, common = sorted(in_place)
        elsewhere = self.counts.of(pair[in_place.index(rare)]) - rare
        everybody = self.counts.of(slot(change.before, "", change.after))
        return rare > 0 and elsewhere == 0 and common >= 4 * rare and 0.9 * everybody <= common + rare

    def _overlap(self, a: list, more: list[Change]) -> float:
        """The weighted Jaccard index of two prompts of which one is `a`, and `more` is what differs."""
        removed = {token.word for change in more for token in change.removed}
        added = {token.word for change in more for token in change.added}
        shared = {token.word for sentence in a for token in sentence} - removed - added
        equal, other = (sum(map(self.counts.weight, words)) for words in (shared, removed ^ added))
        return equal / (equal + other) if other else 1.0

    def _two_words(self, a: str, b: str) -> bool:
        """Whether both are words of their own: English has them, or the rows use both often enough."""
        if both_listed(a, b):
            return True
        rare, common = sorted((self.counts.of(a), self.counts.of(b)))
        return rare > 2 and rare * 10 > common

    def _maybe_two(self, a: str, b: str) -> bool:
        """Whether both may be words of their own: unless their letters are the same, the list must have just one."""
        return self._two_words(a, b) or (set(a) != set(b) and is_listed(a) == is_listed(b))


def _another_word(change: Change) -> bool:
    """Whether words that English has, or characters, stand in the place of others."""
    if change.one_word:
        pair = (change.removed[0].word, change.added[0].word)
        return both_listed(*pair) or all(map(is_han, pair))
    words = [token.word for token in (*change.removed, *change.added)]
    return bool(change.removed and change.added) and all(is_listed(word) or is_han(word) for word in words)
