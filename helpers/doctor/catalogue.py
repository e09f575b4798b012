"""The cases of data/catalogue, one TOML file each. Adding a wording is one line there; no code changes.

A wording is a stable fragment of a message. Case, quotes and line breaks do not matter; ` * ` stands for anything
(300 characters at most); Windows paths are matched with forward slashes. A wording that others use, too, is a table:
`{ text = "...", library = "datasets" }` counts where that library is in sight, `any` and `none` ask for other words.
"""

import re
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from helpers import DATA
from helpers.errors import InputError

CATALOGUE = DATA / "catalogue"
GAP = 300  # characters that one * may stand for
WINDOW = 160  # characters within which all words of a symptom stand
QUOTES = str.maketrans({mark: "'" for mark in '"`‘’“”´'} | {"\xa0": " "})
# What `library = "any"` stands for.
LIBRARIES = """accelerate axolotl bitsandbytes datasets deepspeed huggingface_hub llamafactory peft safetensors swift
tokenizers torch transformers trl unsloth""".split()


@dataclass(frozen=True)
class Wording:
    """A fragment, and what must stand elsewhere in the report for it to count: a word of `any`, or a `library` in
    sight; no word of `none`."""

    parts: tuple[str, ...]
    any: tuple[str, ...] = ()
    none: tuple[str, ...] = ()
    library: re.Pattern | None = None

    def find(self, flat: str) -> int:
        """Where the fragment begins in the flattened text, or -1."""
        start = flat.find(self.parts[0])
        while start >= 0:
            end = start + len(self.parts[0])
            for part in self.parts[1:]:
                at = flat.find(part, end, end + GAP + len(part))
                if at < 0:
                    break
                end = at + len(part)
            else:
                return start if self.fits(flat) else -1
            start = flat.find(self.parts[0], start + 1)
        return -1

    def fits(self, flat: str) -> bool:
        """Whether the surroundings allow it."""
        if any(word in flat for word in self.none):
            return False
        free = not self.any and self.library is None
        return free or any(word in flat for word in self.any) or bool(self.library and self.library.search(flat))


@dataclass(frozen=True)
class Symptom:
    """Words of a description, each with its alternatives; all of them stand near one another."""

    words: tuple[re.Pattern, ...]

    def find(self, flat: str) -> int:
        """Where the first word stands with all the others near, or -1."""
        for first in self.words[0].finditer(flat):
            near = flat[max(0, first.start() - WINDOW) : first.start() + WINDOW]
            if all(word.search(near) for word in self.words[1:]):
                return first.start()
        return -1


@dataclass(frozen=True)
class Case:
    """One cause: how it shows, what is wrong in two sentences, what to do."""

    id: str
    title: str
    types: tuple[str, ...]
    wordings: tuple[Wording, ...]
    hints: tuple[Wording, ...]
    symptoms: tuple[Symptom, ...]
    cause: str
    fix: tuple[str, ...]
    notebook: str
    ledger: tuple[str, ...]
    references: tuple[str, ...]


def plain(text: str) -> str:
    """`text` as matching sees it: lower case, one kind of quote and slash, single spaces."""
    return " ".join(text.translate(QUOTES).replace("\\", "/").lower().split())


def wording(entry: str | dict) -> Wording:
    """A wording from a line of the file: a fragment, or a table with `text`, `any` and `none`."""
    table = {"text": entry} if isinstance(entry, str) else entry
    unknown = set(table) - {"text", "any", "none", "library"}
    parts = tuple(plain(part) for part in table["text"].split("*"))
    if unknown or not all(parts):
        raise ValueError(f"a wording needs a text around each *, and only any, none and library beside it: {entry}")
    library = sight(table["library"]) if "library" in table else None
    return Wording(parts, tuple(map(plain, table.get("any", ()))), tuple(map(plain, table.get("none", ()))), library)


def sight(names: str | list[str]) -> re.Pattern:
    """How a library shows in a report: in a path, before a dot, in an import or with a version; "any": any of ours."""
    listed = [names] if isinstance(names, str) else names
    either = "|".join(map(re.escape, LIBRARIES if "any" in listed else listed))
    return re.compile(rf"(?<![a-z0-9_])(?:(?:from|import) (?:{either})\b|(?:{either})(?:[/.]\w|==| version|[- ]v?\d))")


def symptom(entry: str) -> Symptom:
    """A symptom from `loss & nan|inf`: words joined by &, alternatives by |. Short ones match as whole words only."""
    return Symptom(tuple(re.compile("|".join(map(word, words.split("|")))) for words in entry.split("&")))


def word(entry: str) -> str:
    """The pattern of one word: it begins a word; of four letters or fewer, it is the word."""
    letters = plain(entry)
    if not letters:
        raise ValueError("an empty word")
    return r"(?<![a-z])" + re.escape(letters) + (r"(?![a-z])" if len(letters) <= 4 else "")


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
            hints=tuple(map(wording, table.get("hints", []))),
            symptoms=tuple(symptom(line) for language in described.values() for line in language),
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
