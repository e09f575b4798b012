"""From a pasted traceback or log to what can be matched: colours, frames' source lines and repeated noise go."""

import re
import textwrap
import traceback
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from helpers.doctor.catalogue import GAP, TIGHT, plain
from helpers.doctor.pasted import cleaned
from helpers.doctor.prose import SPOKEN, told

LONG = 100_000  # characters; what is longer is read by its head, its tail, and the lines that speak of trouble
HEAD, TAIL = 8_000, 50_000
TROUBLE = re.compile(r"rror|xception|nan|NaN|arning|memory|ssert|ailed|illed|annot|错|失败|train_runtime|uccess")
MOST_LINES = 1_500
WIDEST = 8_000  # characters of one line: a traceback pasted without its line breaks says at its end what happened
MESSAGE = 6_000  # characters of an exception's message, a module's printout in it
COVERED = 2_000  # characters after an exception's type that still are its message
BARE = 400  # characters of a message with nothing around it
EVIDENCE = 200

# What stands before a line: its process, a quote's mark, a container's name, the time.
BEFORE = re.compile(
    r"^\s*(?:(?:\[(?:rank)?\d+\]:?|>|\(\w+ pid=\d+[^)]{0,40}\)|[\w.-]{1,40} +\|"
    r"|\[?\d{4}-\d\d-\d\d[T ][\d:.,]+Z?\]?(?: std(?:out|err) [FP])?) ?)+"
)
FRAME = re.compile(r"File \S.{0,400}?, line \d+")
# Source lines of IPython's and rich's tracebacks: a number, perhaps behind an arrow; or inside a box.
SOURCE = re.compile(r"^\s*(?:-+>|❱|→)?\s*(?:\d{1,5}(?:\s|$)|\[\d{1,5}\]\(|│.*│)")
CARETS = re.compile(r"\s*[~^]{2,}[~^\s]*")  # Python's marks below a line of its source
ARROW = re.compile(r"^\s*(?:-+>|❱|→|│)")
POINTS = re.compile(r"^[\s│]*(?:-+>|❱|→)")
IPYTHON = re.compile(r"\.py[:)\]].{0,80}, in |\.py\b.{0,40} in \w+\(")
QUALIFIED = re.compile(r"(?<= in )(?:[\w<>]+\.)+(?=\w+\()")  # the class before a method, as IPython writes it
CUT = re.compile(r"(?:(?:\.{3}|…|\[(?:truncated|cut)\]) ?)+\W*$")
# A program's line that says what it raises; of an exception whose own line is missing, it is the message.
RAISES = re.compile(r"\braise\s+(?:[a-z_]\w*\.)*([A-Z]\w*)\(\s*(.*)", re.DOTALL)
TEXTS = re.compile(r"""(?<!\w)[rbf]*(?:"((?:[^"\\]|\\.)*)(?:"|$)|'((?:[^'\\]|\\.)*)(?:'|$))""")
GUTTER = re.compile(r"^[\s│]*(?:-+>|❱|→)?\s*(?:\d{1,5}\b|\[\d{1,5}\]\([^)]*\))?[\s│]*")
CODE = re.compile(r"^\s*(?:-+>\s*)?(?:\d{1,5}\s+)?(?:except|class|def|raise|elif|if)\b")
HEADER = re.compile(
    r"(?<![A-Za-z0-9_.])((?:[A-Za-z_]\w*\.)*[A-Z][A-Za-z0-9_]*"
    r"(?:Error|Exception|Warning|Invalid|Interrupt|Exit|Timeout|Unsupported))(?=[*`'\"]*\s*(?::|$)|[*`]*\s+[`'\"\u2018\u201c])"
)
COLONLESS = re.compile(r"(?<=Error)[*`]*\s+(?=[`'\"\u2018\u201c])")  # KeyError 'text', as people write it
HEADED = ("Error", "Exception", "Warning", "Invalid", "Interrupt", "Exit", "Timeout", "Unsupported")
JOINERS = ("direct cause of the following exception", "another exception occurred", "original traceback")
SENTENCE = re.compile(r"[.;!?](?: |$)")
BEGINS = "traceback (most recent call last)"
NOTHING = re.compile(r"[\s*`'\".!?]*$")
# They say that something failed elsewhere, or that nothing failed at all.
WRAPPERS = (
    "Warning", "KeyboardInterrupt", "SystemExit", "ChildFailedError", "CalledProcessError", "GeneratorExit",
    "DistBackendError", "BrokenPipeError", "ConnectionResetError", "ActorDiedError", "RayActorError", "EngineDeadError",
    "ProcessExitedException", "TerminatedWorkerError", "MailboxClosedError", "CancelledError", "HTTPException",
)  # fmt: skip
# A process that only notices that another one failed.
FOLLOWS = re.compile(
    r"see root cause above|see stack trace|exited unexpectedly|abruptly died|terminated abruptly"
    r"|look up to see its traceback|gloo/transport|store->get\(|ncclremoteerror|has errored already"
    r"|background worker\(s\) died|cannot schedule new futures|can only test a child process|communicator was aborted"
    r"|bad file descriptor|operation on closed file|killed by signal: aborted",
    re.IGNORECASE,
)
# What Python prints when it cleans up after the error.
AFTERWARDS = re.compile(r"exception ignored in:|error in (?:atexit|sys\.excepthook)")


@dataclass(frozen=True)
class Header:
    """Where in the tight text an exception's type stands, its bare name, and which chain of causes it is part of."""

    at: int
    type: str
    chain: int
    wraps: bool  # whether it says nothing of the cause


@dataclass(frozen=True)
class Report:
    """A report made flat for matching, with the way back to its lines. Positions are those of the tight text."""

    lines: tuple[str, ...]
    starts: tuple[int, ...]
    flats: tuple[str, ...]
    flat: str
    flat_starts: tuple[int, ...]
    tight: str
    headers: tuple[Header, ...]
    chains: tuple[int, ...]  # where each chain of causes begins
    traced: bool  # whether there is a traceback's head or a frame in it
    framed: int  # where its last frame or traceback's head stands, -1 without any
    cuts: tuple[int, ...]  # where the text breaks off: at its end, and after lines that say that there was more
    shown: tuple[str, ...]  # the program's line that the text ends with, if it does

    @property
    def last(self) -> Header | None:
        """The last exception that says something of the cause."""
        return next((header for header in reversed(self.headers) if not header.wraps), None)

    @property
    def headless(self) -> bool:
        """Whether it is a traceback that was cut before it says which exception it is."""
        return self.framed >= 0 and (self.last is None or self.last.at < self.framed or self.mute)

    @property
    def mute(self) -> bool:
        """Whether the last exception has no message, as an assert has none: where it was raised says all."""
        return self.last is not None and self.tight[self.last.at :].rstrip(":.") == self.last.type.lower()

    @cached_property
    def ended(self) -> "Report":
        """The same with the program's line that it ends with: without an exception, that says what was called."""
        return lined((*self.lines, *self.shown))

    @cached_property
    def told(self) -> str:
        """The flat text with spaces for all that no person says."""
        return told(self.flats)

    @property
    def bare(self) -> bool:
        """Whether it is nothing but an exception's own message."""
        return not self.traced and len(self.headers) == 1 and len(self.flat) < BARE

    def index(self, at: int) -> int:
        """The number of the line that position `at` is in."""
        return max(0, bisect_right(self.starts, at) - 1)

    def flat_at(self, at: int) -> int:
        """The position in `flat` of position `at` of `tight`."""
        line = self.index(at)
        left = at - self.starts[line]
        for n, letter in enumerate(self.flats[line]):
            if letter not in " _*":
                if not left:
                    return self.flat_starts[line] + n
                left -= 1
        return self.flat_starts[line] + len(self.flats[line])

    def at_flat(self, at: int) -> int:
        """The position in `tight` of position `at` of `flat`."""
        line = max(0, bisect_right(self.flat_starts, at) - 1)
        before = self.flats[line][: at - self.flat_starts[line]]
        return self.starts[line] + len(before.translate(TIGHT))

    def reach(self, at: int) -> int:
        """How far a * may go that begins at `at`: to the end of the exception's message that it is in."""
        header = self.header(at)
        if header is None:
            return at + GAP
        later = next((other.at for other in self.headers if other.at > at), len(self.tight))
        return max(at + GAP, min(later, at + MESSAGE))

    def header(self, at: int) -> Header | None:
        """The exception whose message covers the position: the last one that begins before it, not too far away."""
        found = bisect_right(self.headers, at, key=lambda header: header.at) - 1
        return self.headers[found] if found >= 0 and at - self.headers[found].at < COVERED else None

    def line(self, at: int) -> str:
        """The line that the position comes from; of a wide one, what stands there."""
        if not self.lines:
            return ""
        n = self.index(at)
        line = self.lines[n]
        if len(line) > EVIDENCE:
            header = self.header(at)
            near = line.rfind(header.type) if header and header.at >= self.starts[n] else -1
            share = int(len(line) * (at - self.starts[n]) / max(1, len(self.flats[n]))) - 20
            line = line[max(0, near if near >= 0 else share) :][: EVIDENCE + 1]
            line = textwrap.shorten(line, EVIDENCE, placeholder=" ...") if " " in line.strip() else line
        return line.strip()[:EVIDENCE]


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
    telling = dict.fromkeys(narrow(line) for line in middle if TROUBLE.search(line))
    return "\n".join([text[:HEAD], *list(telling)[-MOST_LINES:], text[-TAIL:]])


def narrow(line: str) -> str:
    """The line, or of a very wide one its beginning and its end."""
    return line if len(line) <= WIDEST else f"{line[: WIDEST // 4]} {line[-WIDEST // 2 :]}"


def mentioned(line: str, header: re.Match) -> bool:
    """Whether an exception's type ends a sentence that only speaks of it: it has no message there."""
    before = line[: header.start(1)]
    return bool(
        NOTHING.match(line, header.end()) and (SPOKEN.search(before.lower()) or "\u4e00" <= before[-1:] <= "\u9fff")
    )


def read(text: str) -> Report:
    """The report in a form that fragments are looked up in. Takes any string."""
    reader = Reader()
    for line in cleaned(shorten(text)).splitlines():
        reader.take(BEFORE.sub("", narrow(line)))
    return reader.report()


def lined(lines: Iterable[str]) -> Report:
    """These lines in the same form, each kept as it is."""
    reader = Reader()
    for line in lines:
        reader.keep(line, unqualified(plain(line)) if IPYTHON.search(line) else plain(line))
    return reader.report()


def unqualified(flat: str) -> str:
    """A frame of IPython's, flat, with the method alone, as Python writes it: without its class."""
    return QUALIFIED.sub("", flat)


class Reader:
    """Takes lines one by one, and leaves out those that only show a program's source."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.starts: list[int] = []
        self.flats: list[str] = []
        self.flat_starts: list[int] = []
        self.headers: list[Header] = []
        self.chains = [0]
        self.at = self.flat_at = 0
        self.framed = -1
        self.cuts: list[int] = []
        self.dropped: list[str] = []
        self.shown: list[str] = []
        self.in_frame = self.in_message = self.joined = self.headed = self.traced = self.afterwards = False

    def take(self, line: str) -> None:
        """One more line."""
        flat = plain(COLONLESS.sub(": ", line))
        if not flat:
            self.in_message = False
            return
        if CARETS.fullmatch(line):
            return
        found = list(HEADER.finditer(line)) if any(word in line for word in HEADED) and not CODE.match(line) else []
        found = [match for match in found if not mentioned(line, match)]
        frame = "File" in line and FRAME.search(line)
        self.traced = self.traced or bool(frame)
        if not found and not frame:
            source = ARROW.match(line) if self.in_message else SOURCE.match(line)
            if self.in_frame or source:
                self.in_frame = False
                self.dropped.append(line)
                return
        self.in_frame = bool(frame) and not found
        self.dropped.clear()
        self.chain(flat, line, found)
        if not found and (frame or BEGINS in flat or ".py" in flat and IPYTHON.search(line)):
            self.framed = self.at
            flat = unqualified(flat)
        self.keep(line, flat)
        if found and (cut := CUT.search(line)):
            self.cuts.append(self.at - len(plain(cut[0]).translate(TIGHT)))

    def keep(self, line: str, flat: str) -> None:
        """A line that counts, with its flat form."""
        self.lines.append(line)
        self.starts.append(self.at)
        self.flats.append(flat)
        self.flat_starts.append(self.flat_at)
        self.at += len(flat.translate(TIGHT))
        self.flat_at += len(flat) + 1

    def chain(self, flat: str, line: str, found: list[re.Match]) -> None:
        """Note the exceptions of a line, and where a new chain of causes begins."""
        if any(joiner in flat for joiner in JOINERS):
            self.joined, self.in_message = True, False
        if BEGINS in flat:
            self.traced, self.in_message = True, False
            self.begin()
        before = 0
        cleanup = AFTERWARDS.search(line.lower())
        for match in found:
            at = self.at + len(plain(line[: match.start(1)]).translate(TIGHT))
            late = self.afterwards or bool(cleanup and cleanup.start() < match.start())
            wraps = late or match[1].endswith(WRAPPERS) or bool(FOLLOWS.search(line, match.end()))
            self.afterwards, cleanup = False, None if late else cleanup
            if not wraps:
                self.next(plain(line[before : match.start(1)]) if before else None, at)
                before = match.end()
            self.headers.append(Header(at, match[1].rpartition(".")[2], len(self.chains) - 1, wraps))
        self.afterwards = self.afterwards or bool(cleanup)
        if before:
            self.headed, self.in_message = True, True
            self.joined = line.rstrip().endswith(":")

    def next(self, between: str | None, at: int) -> None:
        """An exception at `at`: of a line's second one, what stands `between` says whether the first caused it."""
        if between is None:
            self.begin()
        elif not any(joiner in between for joiner in JOINERS) and (BEGINS in between or SENTENCE.search(between)):
            self.chains.append(at)

    def begin(self) -> None:
        """A new chain begins here, unless the last one is without its exception yet, or goes on."""
        if self.headed and not self.joined:
            self.chains.append(self.at)
        self.headed = self.joined = False

    def finish(self) -> None:
        """Where the text ends with a program's line that raises, the message in that line is the exception's."""
        arrow = max((n for n, line in enumerate(self.dropped) if POINTS.match(line)), default=0)
        source = [GUTTER.sub("", line) for line in self.dropped[arrow:]]
        self.shown = [line for line in source[:1] if plain(line)]
        raised = list(RAISES.finditer("\n".join(source)))
        message = "".join(one or other for one, other in TEXTS.findall(raised[-1][2])) if raised else ""
        if message:
            self.in_frame = self.in_message = False
            self.take(f"{raised[-1][1]}: {message}")
        if self.flats and not self.flats[-1].endswith((".", "!", "?")):
            self.cuts.append(self.at)

    def report(self) -> Report:
        """All that was taken."""
        self.finish()
        flat = " ".join(self.flats)
        return Report(
            tuple(self.lines),
            tuple(self.starts),
            tuple(self.flats),
            flat,
            tuple(self.flat_starts),
            flat.translate(TIGHT),
            tuple(self.headers),
            tuple(self.chains),
            self.traced,
            self.framed,
            tuple(self.cuts),
            tuple(self.shown),
        )
