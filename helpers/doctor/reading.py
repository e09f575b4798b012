"""From a pasted traceback or log to what can be matched: colours, frames' source lines and repeated noise go."""

import html
import re
import traceback
from bisect import bisect_right
from dataclasses import dataclass

from helpers.doctor.catalogue import plain

LONG = 100_000  # characters; what is longer is read by its head, its tail, and the lines that speak of trouble
HEAD, TAIL = 8_000, 50_000
TROUBLE = ("Error", "error", "Exception", "nan", "NaN", "Warning", "memory")
MOST_LINES = 1_500
WIDEST = 8_000  # characters of one line: a traceback pasted without its line breaks says at its end what happened

COLOUR = re.compile(r"(?:\x1b|\\u001b|\\x1b|\\033)\[[0-9;]*[A-Za-z]")
RANK = re.compile(r"^\s*(?:\[(?:rank)?\d+\]:?|>)\s?")
FRAME = re.compile(r"File \S.{0,400}?, line \d+")
# Source lines of IPython's and rich's tracebacks: a number, perhaps behind an arrow; or inside a box.
SOURCE = re.compile(r"^\s*(?:-+>|❱|→)?\s*(?:\d{1,5}(?:\s|$)|\[\d{1,5}\]\(|│.*│)")
HEADER = re.compile(
    r"(?:^|[\s\]'|(])((?:[A-Za-z_]\w*\.)*[A-Z]\w*(?:Error|Exception|Warning|Invalid|Interrupt|Exit))(?=\s*:|\s*$)"
)
HEADED = ("Error", "Exception", "Warning", "Invalid", "Interrupt", "Exit")
JOINERS = ("direct cause of the following exception", "another exception occurred")
# They say that something failed elsewhere, or that nothing failed at all.
WRAPPERS = ("Warning", "KeyboardInterrupt", "SystemExit", "ChildFailedError", "CalledProcessError", "GeneratorExit")


@dataclass(frozen=True)
class Header:
    """Where in the flattened text an exception's type stands, and its bare name."""

    at: int
    type: str

    @property
    def wraps(self) -> bool:
        """Whether it says nothing of the cause."""
        return self.type.endswith(WRAPPERS)


@dataclass(frozen=True)
class Report:
    """A report made flat for matching, with the way back to its lines."""

    lines: tuple[str, ...]
    starts: tuple[int, ...]
    flat: str
    headers: tuple[Header, ...]
    last_chain: int

    def line(self, at: int) -> str:
        """The line that position `at` of the flattened text comes from."""
        return self.lines[max(0, bisect_right(self.starts, at) - 1)].strip()[:300] if self.lines else ""

    def header(self, at: int, end: int) -> Header | None:
        """The exception whose message covers the position: the last one that begins before `end`, not too far away."""
        before = [header for header in self.headers if header.at <= end]
        return before[-1] if before and at - before[-1].at < 2_000 else None


def from_exception(error: BaseException) -> str:
    """The traceback's text, causes first; the bare type when even that fails."""
    try:
        return "".join(traceback.format_exception(error))
    except Exception:  # an exception whose own __str__ or frames are broken
        return type(error).__name__


def shorten(text: str) -> str:
    """The parts of a long log that can decide: its head, its tail, lines that speak of trouble; each of those once."""
    if len(text) <= LONG:
        return text
    middle = text[HEAD:-TAIL].splitlines()
    telling = dict.fromkeys(narrow(line) for line in middle if any(word in line for word in TROUBLE))
    return "\n".join([text[:HEAD], *list(telling)[-MOST_LINES:], text[-TAIL:]])


def unescaped(text: str) -> str:
    """The text as it was before it was copied from a string's repr, from JSON or from a page's source."""
    text = text.replace("\\r", "\n").replace("\\n", "\n").replace("\\'", "'").replace('\\"', '"')
    return html.unescape(text) if "&" in text else text


def narrow(line: str) -> str:
    """The line, or of a very wide one its beginning and its end."""
    return line if len(line) <= WIDEST else f"{line[: WIDEST // 4]} {line[-WIDEST // 2 :]}"


def read(text: str) -> Report:
    """The report in a form that fragments are looked up in. Takes any string."""
    lines, starts, pieces, headers = [], [], [], []
    at, last_chain, joined, in_frame = 0, 0, False, False
    for raw in unescaped(COLOUR.sub("", shorten(text))).splitlines():
        line = RANK.sub("", narrow(raw))
        found = list(HEADER.finditer(line)) if any(word in line for word in HEADED) else []
        frame = "File" in line and FRAME.search(line)
        if not found and not frame and (in_frame or SOURCE.match(line)):
            in_frame = False
            continue
        in_frame = bool(frame) and not found
        flat = plain(line)
        if not flat:
            continue
        if any(joiner in flat for joiner in JOINERS):
            joined = True
        elif "traceback (most recent call last)" in flat:
            last_chain, joined = (last_chain if joined else at), False
        headers += [Header(at + len(plain(line[: m.start(1)])), m[1].rpartition(".")[2]) for m in found]
        lines.append(line)
        starts.append(at)
        pieces.append(flat)
        at += len(flat) + 1
    return Report(tuple(lines), tuple(starts), " ".join(pieces), tuple(headers), last_chain)
