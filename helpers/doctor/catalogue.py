"""The cases of data/catalogue, one TOML file each. Adding a wording is one line there; no code changes.

A wording is a stable fragment of a message. Case, quotes, spaces and line breaks do not matter; ` * ` stands for
anything within one message (300 characters outside of one), `~` for the rest of one name; Windows paths are matched
with forward slashes. A wording that others use, too, is a table: `{ text = "...", library = "datasets" }` counts where
that library is in sight, `any`, `also` and `none` ask for other words, `ours = true` for no other framework in sight.
`tails` are wordings that stand later in a message and say it where its beginning was not pasted.
"""

import re
import tomllib
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Protocol

from helpers import DATA
from helpers.errors import InputError

CATALOGUE = DATA / "catalogue"
CONCEPTS = DATA / "concepts.toml"
GAP = 300  # characters that one * may stand for, outside of an exception's message
WINDOW = 200  # characters within which all words of a symptom stand
SHORT = 14  # characters up to which a fragment must stand as it is, spaces included
LONG_WORD = 8  # characters from which on a word of a guard is also found when it was broken at a line's end
QUOTES = "\"'`‘’“”´「」『』«»"
MARKS = str.maketrans({mark: None for mark in QUOTES} | {"。": ". ", "、": ", ", "\\": "/"})
TIGHT = str.maketrans("", "", " _*")
# What `library = "any"` stands for.
LIBRARIES = """accelerate axolotl bitsandbytes datasets deepspeed huggingface_hub llamafactory peft safetensors swift
tokenizers torch transformers trl unsloth""".split()
# Frameworks with classes and methods of the same names: what is raised among their files is theirs.
OTHERS = """allennlp comfy darts detectron2 fairseq fastai flair gluonts keras lightning lightning_fabric mmcv mmdet
mmengine paddle paddlenlp pytorch_forecasting pytorch-lightning pytorch_lightning sklearn tensorflow
ultralytics""".split()
VERSIONED = r"[/.]\w|==| version|[- ]v?\d"
NAME = re.compile(r"[a-z0-9.<>]{0,60}")
# How people write the same: negations with and without the short form, names with and without a space.
SPELLINGS = (
    (re.compile(r"\bcan(?:not|t| not)\b"), r"can(?:t| ?not)"),
    (re.compile(r"\b(?:wont|will not)\b"), r"(?:wont|will not)"),
    (re.compile(r"\b(do|does|did|is|are|was|were|has|have|could)(?:nt| not)\b"), r"\1(?:nt| not)"),
    (re.compile(r"\bhugging ?face\b"), r"hugging ?face"),
    (re.compile(r"^lora$"), r"q?lora"),
)
ZERO = re.compile(r"(?<![\d.])0$")  # 0 as a whole number; 0.0 and 0.000 are the same
UNWANTED = re.compile(r"&\s*![^&]*")
KEYS = {"text", "any", "also", "none", "library", "alone", "ours"}


class Text(Protocol):
    """A report in the two forms that are matched."""

    @property
    def flat(self) -> str:
        """Lower case, no quotes, single spaces."""

    @property
    def tight(self) -> str:
        """The same without spaces, _ and *."""

    @property
    def bare(self) -> bool:
        """Whether it is nothing but an exception's own message."""

    def flat_at(self, at: int) -> int:
        """The position in `flat` of position `at` of `tight`."""

    def reach(self, at: int) -> int:
        """How far in `tight` a * may go that begins at `at`."""


@dataclass(frozen=True)
class Part:
    """A fragment between two *. `closed`: it ends with a quoted name, and a longer name is another one. `joint` is what
    stands before it: * or ~."""

    flat: str
    tight: str
    closed: bool
    joint: str

    def stands(self, report: Text, at: int) -> bool:
        """Whether what was found at `at` of the tight text is this fragment and not letters of other words."""
        if not self.closed and len(self.tight) >= SHORT:
            return True
        start = report.flat_at(at)
        end = start + len(self.flat)
        if not report.flat.startswith(self.flat, start):
            return len(self.tight) >= SHORT
        return not (self.closed and re.match(r"[a-z0-9_]", report.flat[end : end + 1]))


@dataclass(frozen=True)
class Wording:
    """A fragment, and what must stand elsewhere in the report for it to count: a word of `any`, or a `library` in
    sight, or nothing where it may stand `alone`; a word of `also`, none of `none`; no other framework where it is only
    `ours`."""

    text: str
    parts: tuple[Part, ...]
    any: tuple[str, ...] = ()
    also: tuple[str, ...] = ()
    none: tuple[str, ...] = ()
    library: re.Pattern | None = None
    alone: bool = False
    ours: bool = False

    def find(self, report: Text) -> Iterator[tuple[int, int]]:
        """Where the fragment begins and ends in the tight text, each time, whatever stands around it."""
        first = self.parts[0]
        start = report.tight.find(first.tight)
        while start >= 0:
            end = self.end(report, start)
            if end >= 0 and first.stands(report, start):
                yield start, end
            start = report.tight.find(first.tight, start + 1)

    def end(self, report: Text, start: int) -> int:
        """Where the fragment that begins at `start` ends, or -1 when its other parts do not follow."""
        end = start + len(self.parts[0].tight)
        for part in self.parts[1:]:
            reach = report.reach(end) if part.joint == "*" else name_end(report.tight, end)
            at = report.tight.find(part.tight, end, reach + len(part.tight))
            if at < 0:
                return -1
            end = at + len(part.tight)
        return end

    def fits(self, report: Text) -> bool:
        """Whether the surroundings allow it."""
        if any(seen(word, report) for word in self.none) or self.ours and foreign().search(report.flat):
            return False
        if self.also and not any(seen(word, report) for word in self.also):
            return False
        free = not self.any and self.library is None or self.alone and report.bare
        return free or any(seen(w, report) for w in self.any) or bool(self.library and self.library.search(report.flat))


def name_end(tight: str, at: int) -> int:
    """Where the name ends that goes on at `at`."""
    found = NAME.match(tight, at)
    return found.end() if found else at


def seen(word: str, report: Text) -> bool:
    """Whether a word of a guard stands in the report."""
    return word in report.flat or len(word) >= LONG_WORD and word.translate(TIGHT) in report.tight


@dataclass(frozen=True)
class Symptom:
    """Words of a description, each with its alternatives; all of them stand near one another, and none of `others`."""

    words: tuple[re.Pattern, ...]
    others: tuple[re.Pattern, ...] = ()

    def find(self, flat: str) -> Iterator[int]:
        """Each place where the first word stands with all the rest near."""
        return (at for at, excluded in self.places(flat) if not excluded)

    def excludes(self, flat: str) -> bool:
        """Whether its words stand there only beside one that must not be near."""
        found = [excluded for _, excluded in self.places(flat)]
        return bool(found) and all(found)

    def places(self, flat: str) -> Iterator[tuple[int, bool]]:
        """Each place where the words stand, and whether one that must not be near is."""
        for first in self.words[0].finditer(flat):
            near = flat[max(0, first.start() - WINDOW) : first.start() + WINDOW]
            if all(word.search(near) for word in self.words[1:]):
                yield first.start(), any(one.search(near) for one in self.others)


@dataclass(frozen=True)
class Case:
    """One cause: how it shows, what is wrong in two sentences, what to do."""

    id: str
    title: str
    types: tuple[str, ...]
    wordings: tuple[Wording, ...]
    tails: tuple[Wording, ...]  # what their messages go on with: all that is left where the beginning is cut off
    hints: tuple[Wording, ...]
    frames: tuple[Wording, ...]
    last_frames: tuple[Wording, ...]  # those that say it only where the traceback ends within them
    symptoms: tuple[Symptom, ...]
    described: tuple[str, ...]  # the same as the file has them, but for what must not be near
    cause: str
    fix: tuple[str, ...]
    notebook: str
    ledger: tuple[str, ...]
    references: tuple[str, ...]

    def __hash__(self) -> int:
        """That of its id, which no other case has: hashing all its texts took most of the time of `nearest`."""
        return hash(self.id)


def plain(text: str) -> str:
    """`text` as matching sees it: lower case, no quotes, one kind of each character and of slash, single spaces."""
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text.replace("´", "'"))
    return " ".join(text.translate(MARKS).lower().split())


def wording(entry: str | dict) -> Wording:
    """A wording from a line of the file: a fragment, or a table with `text` and the words of KEYS."""
    table = {"text": entry} if isinstance(entry, str) else entry
    unknown = set(table) - KEYS
    first, *others = re.split(r"([*~])", table["text"])
    parts = tuple(part(text, joint) for joint, text in zip(["*", *others[::2]], [first, *others[1::2]], strict=True))
    if unknown or not all(one.tight for one in parts):
        raise ValueError(f"a wording needs a text around each * and ~, and only {', '.join(sorted(KEYS))}: {entry}")
    library = sight(table["library"]) if "library" in table else None
    any_of, also, none = (tuple(map(plain, table.get(key, ()))) for key in ("any", "also", "none"))
    flags = {key: bool(table.get(key)) for key in ("alone", "ours")}
    return Wording(table["text"], parts, any_of, also, none, library, **flags)


def part(text: str, joint: str) -> Part:
    """A fragment as matching sees it. It is closed when its last quote ends a name that it holds whole."""
    quotes = re.sub(r"(?<=[a-z])'(?=[a-z])", "", text.strip().lower().replace("`", "'").replace('"', "'"))
    flat = plain(text)
    return Part(flat.lstrip("_* "), flat.translate(TIGHT), quotes.endswith("'") and quotes.count("'") % 2 == 0, joint)


def sight(names: str | list[str]) -> re.Pattern:
    """How a library shows in a report: in a path, before a dot, in an import or with a version; "any": any of ours."""
    listed = [names] if isinstance(names, str) else names
    return shown(LIBRARIES if "any" in listed else listed, VERSIONED)


def shown(names: Iterable[str], after: str) -> re.Pattern:
    """One of these names in an import, or with `after` behind it."""
    either = "|".join(map(re.escape, names))
    return re.compile(rf"(?<![a-z0-9_])(?:(?:from|import) (?:{either})\b|(?:{either})(?:{after}))")


@cache
def foreign() -> re.Pattern:
    """How one of the other frameworks shows in a report: its version alone is any environment's, and tensorflow's log
    any Colab's."""
    return shown(OTHERS, r"[/.](?!core/|compiler/|stream_executor/|python/platform)\w")


def symptom(entry: str) -> Symptom:
    """A symptom from `loss & nan|@stuck & !reward`: words joined by &, alternatives by |, @ for a concept, ! for words
    that must not be near. Short ones match as whole words only."""
    wanted: list[re.Pattern] = []
    others: list[re.Pattern] = []
    for words in map(str.strip, entry.split("&")):
        listed = others if words.startswith("!") else wanted
        listed.append(re.compile("|".join(map(word, words.removeprefix("!").split("|")))))
    if not wanted:
        raise ValueError("a symptom needs words")
    return Symptom(tuple(wanted), tuple(others))


def word(entry: str) -> str:
    """The pattern of one word: it begins a word; of four letters or fewer, it is the word. Chinese needs no gap. That
    of a concept's name is all its words."""
    name = entry.strip()
    if name.startswith("@"):
        return f"(?:{concepts()[name[1:]].pattern})"
    letters = plain(entry)
    if not letters:
        raise ValueError("an empty word")
    first = letters[0]
    before = r"(?<![\d.])" if first.isdigit() else r"(?<![a-z])" if first.isascii() and first.isalpha() else ""
    after = (
        r"(?!\d|\.\d)" if letters[-1].isdigit() else r"(?![a-z])" if len(letters) <= 4 and letters[-1].isascii() else ""
    )
    return before + ZERO.sub(r"0(?:\\.0+)?", spelled(letters)) + after


@cache
def concepts() -> Mapping[str, re.Pattern]:
    """What the words of data/concepts.toml look like, by concept."""
    table = tomllib.loads(CONCEPTS.read_text(encoding="utf-8"))
    return {name: re.compile("|".join(map(word, words))) for name, words in table.items()}


def spelled(letters: str) -> str:
    """The pattern of these letters in all their SPELLINGS."""
    for written, pattern in SPELLINGS:
        found = written.search(letters)
        if found:
            first, last = letters[: found.start()], letters[found.end() :]
            return spelled(first) + found.expand(pattern) + spelled(last)
    return re.escape(letters)


def read(path: Path) -> Case:
    """The case of one file. InputError names the file when it cannot be read as one."""
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
        described = table.get("symptoms", {})
        return Case(
            id=table["id"],
            title=table["title"],
            types=tuple(table["types"]),
            wordings=tuple(map(wording, table.get("wordings", []) + table.get("guarded", []))),
            tails=tuple(map(wording, table.get("tails", []))),
            hints=tuple(map(wording, table.get("hints", []))),
            frames=tuple(map(wording, table.get("frames", []))),
            last_frames=tuple(map(wording, table.get("last_frames", []))),
            symptoms=tuple(symptom(line) for language in described.values() for line in language),
            described=tuple(UNWANTED.sub("", line) for language in described.values() for line in language),
            cause=" ".join(table["cause"].split()),
            fix=tuple(table["fix"]),
            notebook=table.get("notebook", ""),
            ledger=tuple(table.get("ledger", [])),
            references=tuple(table.get("references", [])),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"{path.name}: not a catalogue entry ({error!r})") from error


@cache
def load(directory: Path = CATALOGUE) -> tuple[Case, ...]:
    """All cases, by file name; read once."""
    return tuple(read(path) for path in sorted(directory.glob("*.toml")))
