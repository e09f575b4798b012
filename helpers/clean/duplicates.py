"""Near duplicates by MinHash, exact enough not to take two tickets of one phrasing for one.

MinHash (Broder 1997) finds candidates; each is then compared in full. Two texts that differ in a number, a name, a
Latin word inside Chinese or a negation are two texts, however alike the rest is.
"""

import hashlib
import json
import re
import unicodedata
from collections import Counter
from dataclasses import dataclass
from difflib import SequenceMatcher

from helpers.clean.checks import is_ticket_task
from helpers.clean.formats import Messages

BANDS, ROWS_PER_BAND = 16, 5  # a pair of Jaccard 0.8 is found with 99.8%, one of 0.4 with 15%
NEAR, NEAR_SAME_FIELDS = 0.8, 0.6
LONGEST = 4000  # words compared one by one; longer texts must be equal from there on
_HAN = re.compile("[\u3400-\u9fff]")
_NEGATIONS = {"not", "no", "never", "without", "none", "nor", "cannot"}
_HAN_MEANING = set("不没未无非勿别否两二三四五六七八九十百千万左右上下前后内外大小高低多少男女")
_SURNAMES = set(
    "王李张刘陈杨黄赵吴周徐孙马朱胡郭何高林罗郑梁宋唐许韩冯邓曹彭曾肖田董袁潘蒋蔡余杜叶程苏魏吕丁任沈姚卢姜崔钟谭陆汪范金石廖贾夏韦付方白邹孟熊秦邱江尹薛闫段雷侯龙史陶黎贺顾毛郝龚邵万钱严覃武戴莫孔向汤"
)


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """What is kept in memory of a row: its exact hash and a hash of what tells it from its look-alikes."""

    exact: bytes
    prompt: bytes
    guard: bytes
    ticket: bool


def prompt_text(messages: Messages) -> str:
    """What the user says in `messages`, system text left out (it is often the same for all rows)."""
    return "\n".join(message["content"] for message in messages if message["role"] == "user")


def normalised(text: str) -> str:
    """Letters and digits of `text` without case, width, punctuation and spacing."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return re.sub(r"(?<=[\u3400-\u9fff]) | (?=[\u3400-\u9fff])", "", " ".join(re.findall(r"[^\W_]+", folded)))


def shingles(text: str) -> set[str]:
    """The character n-grams of the normalised text: 5 letters for Latin, 3 for Chinese, which says more in each."""
    bare = normalised(text) or text
    size = 3 if len(_HAN.findall(bare)) * 3 > len(bare) else 5
    return {bare[i : i + size] for i in range(max(1, len(bare) - size + 1))}


def jaccard(a: set[str], b: set[str]) -> float:
    """Shared n-grams over all n-grams."""
    return len(a & b) / len(a | b) if a or b else 1.0


def signature(text: str):
    """The MinHash of `text`: 80 minima of 4 bytes."""
    from rensa import RMinHash

    minhash = RMinHash(num_perm=BANDS * ROWS_PER_BAND, seed=1)
    minhash.update([shingle.encode("utf-8", "surrogatepass") for shingle in shingles(text)])
    return minhash


def new_index():
    """An empty index that finds the rows whose signatures share a band: `insert(row, mark)`, `query(mark)`."""
    from rensa import RMinHashLSH

    return RMinHashLSH(threshold=NEAR, num_perm=BANDS * ROWS_PER_BAND, num_bands=BANDS)


def fingerprint(messages: Messages) -> Fingerprint:
    """Hash `messages` exactly (outer spaces aside), by prompt, and by what must be equal in near duplicates."""
    exact = json.dumps([[m["role"], m["content"].strip()] for m in messages])
    ticket = is_ticket_task(messages)
    guard = _ticket_guard(messages[-1]["content"]) if ticket else None
    if guard is None:
        text = "\n".join(message["content"] for message in messages)
        guard = json.dumps(
            sorted(Counter(re.findall(r"[^\W_]*[0-9][^\W_]*", unicodedata.normalize("NFKC", text))).items())
        )
    return Fingerprint(_digest(exact), _digest(normalised(prompt_text(messages))), _digest(guard), ticket)


def _ticket_guard(answer: str) -> str | None:
    try:
        fields = json.loads(answer)
    except (ValueError, RecursionError):
        return None
    return (
        json.dumps([[name, normalised(str(value)) or str(value)] for name, value in sorted(fields.items())])
        if isinstance(fields, dict)
        else None
    )


def _digest(text: str) -> bytes:
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=12).digest()


def same_row(a: Messages, b: Messages, same_guard: bool, ticket: bool) -> bool:
    """Whether two rows that MinHash finds alike say the same. `same_guard`: their fingerprints' guards are equal."""
    if not same_guard:
        return False
    if ticket:
        return jaccard(shingles(prompt_text(a)), shingles(prompt_text(b))) >= NEAR_SAME_FIELDS
    texts = ["\n".join(message["content"] for message in row) for row in (a, b)]
    return jaccard(*(shingles(text) for text in texts)) >= NEAR and not differs_in_meaning(*texts)


def differs_in_meaning(a: str, b: str) -> bool:
    """Whether the words in which `a` and `b` differ are names, numbers, negations or Latin words inside Chinese."""
    words = [_pieces(text) for text in (a, b)]
    if words[0][LONGEST:] != words[1][LONGEST:]:
        return True
    words = [side[:LONGEST] for side in words]
    first, second = ([word.casefold() for word in side] for side in words)
    for tag, a_from, a_to, b_from, b_to in SequenceMatcher(None, first, second, autojunk=False).get_opcodes():
        for side, start, end in ((words[0], a_from, a_to), (words[1], b_from, b_to)):
            if tag != "equal" and any(_carries_meaning(side, i, tag == "replace") for i in range(start, end)):
                return True
    return False


def _pieces(text: str) -> list[str]:
    """Words, Chinese characters one by one, and a mark for each end of sentence."""
    return re.findall(r"[\u3400-\u9fff]|[^\W_\u3400-\u9fff]+(?:'[a-z]+)?|[.!?。！？\n]", text)


def _carries_meaning(words: list[str], i: int, replaced: bool) -> bool:
    word = words[i]
    if not word[0].isalnum():
        return False
    if _HAN.match(word):
        near = words[max(0, i - 2) : i + 1]
        return word in _HAN_MEANING or any(char in _SURNAMES for char in near)
    first = i == 0 or not words[i - 1][0].isalnum()
    named = word[0].isupper() and (replaced or not first)  # a sentence may also begin with a name
    chinese_around = any(_HAN.match(other) for other in (*words[max(0, i - 1) : i], *words[i + 1 : i + 2]))
    return (
        any(char.isdigit() for char in word)
        or named
        or chinese_around
        or word.casefold() in _NEGATIONS
        or word.endswith("n't")
    )
