"""What people paste, as plain lines: bytes of any usual encoding, a notebook's file, pages, escapes, line numbers."""

import codecs
import html
import json
import re
import sys
import unicodedata
from pathlib import Path

from helpers.errors import InputError

MARKS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
SUFFIXES = (".txt", ".log", ".out", ".err", ".ipynb", ".json", ".md", ".html", ".py", ".trace")
BINARY = 0.02  # share of control characters from which on no text is to be expected

COLOUR = re.compile(r"(?:\x1b|\\u001b|\\x1b|\\033)\[[0-9;?]*[A-Za-z]")
TAG = re.compile(r"</?(?:a|b|br|code|div|em|font|i|li|p|pre|span|strong|table|td|tr|ul)\b[^<>]{0,400}>", re.IGNORECASE)
# C:\new\run, \\server\run: what follows a single backslash is a folder's name there, unless a line's usual start.
PATH = re.compile(
    r"(?<![A-Za-z])(?:[A-Za-z]:)(?:\\(?![\\\"']|n(?:[\s(\[]|Traceback|[\w.]*(?:Error|Exception)\b))[^\\/:*?\"<>|\n]*)+"
)
# The same in a string's repr, within the lines of a command or a dictionary.
DOUBLED = re.compile(r"(?<=[\w.: -])\\\\(?=[\w.])")
ESCAPED = re.compile(r"\\[nr](?![a-z])")
ESCAPE = re.compile(r"\\(\\|[nrt\"'])")
MEANT = {"n": "\n", "r": "\n", "t": "\t", "\\": "\\", '"': '"', "'": "'"}
NUMBER = re.compile(r"^\s*(\d{1,6})(?:\t|[:|.)]\s?| {1,2}(?=\S)|\s*$)")
NUMBERED = re.compile(r"^\s*\d{1,6}[\t :|.)]+(?:Traceback \(most|(?:[A-Za-z_]\w*\.)*[A-Z]\w*(?:Error|Exception): )")


def source(given: str) -> str:
    """The text that `diagnose` was given: itself, or of the file of that name, or of standard input for `-`.

    InputError when it looks like a file and there is none, or when what is there is no text or empty.
    """
    if given == "-":
        text = decode(sys.stdin.buffer.read(), "standard input")
    elif named(given):
        try:
            text = decode(Path(given).read_bytes(), given)
        except OSError as error:
            raise InputError(
                f"cannot read {given} ({error.strerror}): give the file of a traceback or log, its text in quotes, or -"
            ) from error
    else:
        text = given
    if not text.strip():
        raise InputError(
            "nothing to read: give the file of a traceback or log, its text in quotes, or - and pipe it in"
        )
    return text


def named(given: str) -> bool:
    """Whether this is the name of a file, there or not, and no text."""
    try:
        if Path(given).exists():
            return True
    except (OSError, ValueError):  # too long, or with characters that no name has
        return False
    if "\n" in given or re.search(r"\w: ", given):
        return False
    plain = not re.search(r"\s", given)
    rooted = bool(re.match(r"[./~\\]|[A-Za-z]:[\\/]", given))
    ends = given.lower().endswith(SUFFIXES)
    return (plain and (ends or rooted or "/" in given)) or (rooted and ends)


def decode(raw: bytes, name: str) -> str:
    """The text of these bytes: UTF-8, UTF-16 with or without its mark, or GBK; of a notebook, what its cells printed.

    InputError for what is no text.
    """
    text = as_text(raw)
    head = text[:20_000]
    if sum(unicodedata.category(one) in ("Cc", "Cn", "Co") and one not in "\t\n\r\x0b\x0c\x1b\x08" for one in head) > (
        BINARY * len(head)
    ):
        raise InputError(f"{name} is no text: give the file of a traceback or log, not a model, an image or an archive")
    return printed(text) if head.lstrip().startswith("{") and '"cells"' in text else text


def as_text(raw: bytes) -> str:
    """These bytes decoded; what cannot be is replaced."""
    for mark, encoding in MARKS.items():
        if raw.startswith(mark):
            return raw.decode(encoding, errors="replace")
    head = raw[:4_000]
    for encoding, zeros in (("utf-16-le", head[1::2]), ("utf-16-be", head[0::2])):
        if zeros and zeros.count(0) > 0.3 * len(zeros):
            return raw.decode(encoding, errors="replace")
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        if error.start > len(raw) - 4:  # a log that was cut within a character
            return raw.decode("utf-8", errors="replace")
        return raw.decode("gb18030", errors="replace")


def printed(text: str) -> str:
    """What the cells of a notebook's file printed and raised; the text as it is when it is no notebook."""
    try:
        cells = json.loads(text)["cells"]
        outputs = [output for cell in cells for output in cell.get("outputs", ())]
        said = [output.get("traceback") or output.get("text") or "" for output in outputs]
        return "\n".join(
            "\n".join(one) if "traceback" in out else "".join(one) for out, one in zip(outputs, said, strict=True)
        )
    except (ValueError, TypeError, KeyError, AttributeError):
        return text


def cleaned(text: str) -> str:
    """The text without colours, tags, escapes and line numbers, and with one form of each character."""
    text = unescaped(COLOUR.sub("", text))
    if "</" in text or "<br" in text:
        text = TAG.sub(lambda tag: "\n" if tag[0][:3].lower() == "<br" else "", text)
    if "&" in text:
        text = html.unescape(text)
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text.replace("´", "'"))
    return unnumbered(text)


def unescaped(text: str) -> str:
    """The text as it was before it was copied from a string's repr or from JSON; folders of Windows stay whole."""
    if "\\" not in text:
        return text
    text = PATH.sub(lambda path: path[0].replace("\\", "/"), DOUBLED.sub("/", text))
    if not ESCAPED.search(text):
        return text.replace('\\"', '"').replace("\\'", "'")
    return ESCAPE.sub(lambda escape: MEANT[escape[1]], text)


def unnumbered(text: str) -> str:
    """The text without the line numbers that a viewer put before each line (`cat -n`)."""
    if not NUMBER.match(text):
        return text
    lines = text.splitlines()
    numbers = [NUMBER.match(line) for line in lines]
    counted = [int(found[1]) for found in numbers if found]
    whole = counted == list(range(counted[0], counted[0] + len(counted))) and len(counted) >= len(
        [line for line in lines if line.strip()]
    )
    if not whole and not any(map(NUMBERED.match, lines)):
        return text
    return "\n".join(line[found.end() :] if found else line for line, found in zip(lines, numbers, strict=True))
