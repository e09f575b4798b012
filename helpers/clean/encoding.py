"""Bytes to text: byte-order marks, UTF-16, the old Chinese and Western encodings, and files that mix them.

UTF-8 is tried first and strictly. What is not UTF-8 is decoded line by line with the candidate whose characters look
most like text, so that one line in another encoding costs neither the file nor the line. Nothing is ever dropped.
"""

import codecs
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from helpers.clean.alphabets import japanese_encoding, latin_encoding, may_be, script_encoding
from helpers.errors import InputError

SAMPLE_BYTES = 1 << 16
DAMAGED = "utf-8_damaged"  # UTF-8 with broken bytes or half characters
OWN_GUESS = 0.5  # how much more plausible another encoding must look than the one that fits the file as a whole
_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_MAGIC = {
    b"\x1f\x8b": "a gzip file", b"PK\x03\x04": "a zip or Office file", b"%PDF": "a PDF", b"PAR1": "a Parquet file",
    b"\x89PNG": "an image", b"\xff\xd8\xff": "an image", b"SQLite format 3": "a SQLite database",
    b"\x28\xb5\x2f\xfd": "a zstd file",
    b"ARROW1": "an Arrow file", b"\x7fELF": "a program", b"GIF8": "an image",
    b"BZh": "a bzip2 file", b"7z\xbc\xaf": "a 7-zip file",
}  # fmt: skip
_CHINESE = ("gb18030", "big5hkscs")
_LEGACY = (*_CHINESE, "cp1252")
_CONTROL = frozenset(range(0x20)) - {0x09, 0x0A, 0x0C, 0x0D, 0x1B} | {0x7F}


@dataclass(frozen=True)
class Probe:
    """How to read one file. `encoding` is "by line" when the file as a whole is not valid Unicode and nobody named its
    encoding: a line that is not UTF-8 is then read as what looks best, where `legacy` wins a close race, or with
    `strict` as `legacy` if it can be."""

    encoding: str
    bom: int
    newline: str
    legacy: str = ""
    head: str = ""
    strict: bool = False

    @property
    def guessed(self) -> str:
        """What the lines that are not Unicode are read as; "" if the encoding is known."""
        return (self.legacy or "what fits each line best") if self.encoding == "by line" else ""


def probe(path: Path, encoding: str = "") -> Probe:
    """Find out how `path` is encoded, or hold it against the `encoding` that the user names: one pass over the file,
    bounded memory.

    Raises InputError when the file is missing, not a regular file, unreadable or binary, when no encoding has that name
    or the bytes do not fit it.
    """
    if not path.exists():
        raise InputError(f"{path}: no such file")
    if path.is_dir():
        raise InputError(f"{path}: is a directory, name the files in it")
    if not path.is_file():
        raise InputError(f"{path}: not a regular file (it is read twice, so pipes do not work)")
    try:
        with path.open("rb") as file:
            return _named(file, path, encoding) if encoding else _probe(file, path)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from None


def _named(file, path: Path, encoding: str) -> Probe:
    """How to read a file whose encoding the user knows."""
    try:
        name = codecs.lookup(encoding).name
        decoder = codecs.getincrementaldecoder(name)()
        b"a".decode(name, "ignore")  # refuses what is no encoding of text, such as base64
    except (LookupError, ValueError):
        raise InputError(
            f"--encoding {encoding}: Python knows no encoding of text of this name; cp1254, cp1250, cp874, shift_jis, "
            "euc_jp and cp949 are some"
        ) from None
    bom = len(codecs.BOM_UTF8) if name == "utf-8" and file.read(3) == codecs.BOM_UTF8 else 0
    file.seek(bom)
    line, head = 1, ""
    while True:
        block = file.read(SAMPLE_BYTES)
        try:
            text = decoder.decode(block, final=not block)
        except UnicodeDecodeError as error:
            line += error.object[: error.start].decode(name, "replace").count("\n")
            raise InputError(
                f"{path}:{line}: these bytes are no {encoding} ({error.object[error.start :][:4].hex(' ')}): name "
                "another encoding, or leave --encoding out, which guesses line by line"
            ) from None
        head, line = head or text, line + text.count("\n")
        if not block:
            return Probe(name, bom, _newline(head), head=head)


def _newline(head: str) -> str:
    return "\r" if "\r" in head and "\n" not in head else "\n"


def _probe(file, path: Path) -> Probe:
    sample = file.read(SAMPLE_BYTES)
    for magic, name in _MAGIC.items():
        if sample.startswith(magic):
            raise InputError(f"{path}: is {name}, not text; unpack or export it as JSONL, JSON or CSV first")
    bom, encoding = next(((mark, name) for mark, name in _BOMS if sample.startswith(mark)), (b"", ""))
    encoding = encoding or ("iso2022_jp" if b"\x1b$B" in sample and sample.isascii() else _wide_encoding(sample))
    legacy_sample, legacy, strict = b"", "", False
    if encoding in ("", "utf-8"):
        legacy_sample = _not_utf8(file, sample)
        encoding = "by line" if legacy_sample else "utf-8"
    if legacy_sample:
        legacy, strict = guess(legacy_sample)
    text_encoding = legacy if strict else "utf-8" if encoding == "by line" else encoding
    head = sample[len(bom) :].decode(text_encoding, "replace")
    if encoding in ("utf-8", "by line") and not bom and _is_binary(sample, head, bool(legacy_sample)):
        raise InputError(f"{path}: holds binary data, not text")
    return Probe(encoding, len(bom), _newline(head), legacy, head, strict)


def guess(sample: bytes) -> tuple[str, bool]:
    """(encoding that lines which are not UTF-8 are likely in, or "", and whether all of `sample` is text in it)."""
    japanese = japanese_encoding(sample)
    if japanese or _is_korean(sample):
        return japanese or "cp949", bool(japanese)
    name = decode_legacy(sample)[1]
    if name in (*_CHINESE, DAMAGED):
        return ("" if name == DAMAGED else name), False
    other = latin_encoding(sample) or script_encoding(sample)
    return (other or name, bool(other) and other != "cp1252")


def _is_korean(sample: bytes) -> bool:
    """Whether a sample is Korean: all of it is also valid GBK, and everyday Chinese characters. No Chinese text of some
    length is nothing but Hangul the other way round."""
    text = sample[: sample.rfind(b"\n") + 1 or None].decode("cp949", "replace")
    letters = [char for char in text if char > "\x7f" and (char.isalpha() or char == "\ufffd")]
    return len(letters) >= 20 and sum(map(_is_everyday_hangul, letters)) > 0.95 * len(letters)


def _is_everyday_hangul(char: str) -> bool:
    """Whether a letter is one of the 2,350 syllables of KS X 1001; cp949 has rare ones, too, where Japanese is."""
    return "\uac00" <= char <= "\ud7a3" and len(char.encode("euc_kr", "replace")) == 2


def _wide_encoding(sample: bytes) -> str:
    """UTF-16 or UTF-32 without a mark: JSON and CSV are full of ASCII, so bytes of one parity are often zero."""
    if sample.count(0) < 4:
        return ""
    zeros = [sample[i::4].count(0) / max(1, len(sample[i::4])) for i in range(4)]
    low, high = (zeros[0] + zeros[2]) / 2, (zeros[1] + zeros[3]) / 2
    if min(zeros[2:]) > 0.9 or min(zeros[:2]) > 0.9:
        name = "utf-32-le" if zeros[2] > 0.9 else "utf-32-be"
    elif max(low, high) > 0.05 and min(low, high) < 0.25 * max(low, high):
        name = "utf-16-le" if high > low else "utf-16-be"
    else:
        return ""
    text = sample[: len(sample) // 4 * 4].decode(name, "replace")
    damaged = sum(char == "\ufffd" or ord(char) in _CONTROL for char in text)
    return name if damaged <= 1 + 0.01 * len(text) and any(map(str.isalnum, text)) else ""


def _not_utf8(file, sample: bytes) -> bytes:
    """Up to 64 KB of the lines that are not UTF-8; empty when the whole file is."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    file.seek(0)
    try:
        while block := file.read(1 << 20):
            decoder.decode(block)
        decoder.decode(b"", final=True)
        return b""
    except UnicodeDecodeError:
        pass
    file.seek(0)
    found = bytearray()
    for line in file:
        try:
            line.decode("utf-8")
        except UnicodeDecodeError:
            found += line
            if len(found) > SAMPLE_BYTES:
                break
    return bytes(found)


def _is_binary(sample: bytes, head: str, has_legacy: bool) -> bool:
    controls = sum(byte in _CONTROL for byte in sample)
    if controls <= len(sample) * (0.01 if has_legacy else 0.3):
        return False
    lines = sample.split(b"\n")
    if not any(byte in _CONTROL for byte in lines[0]) and len(lines) > 1:
        return False
    if head.lstrip()[:1] == "[" and head.lstrip()[1:].lstrip()[:1] in '{["]':
        return False
    return not any(_is_json_object(line) for line in lines)


def _is_json_object(line: bytes) -> bool:
    try:
        return line.lstrip()[:1] == b"{" and isinstance(json.loads(line), dict)
    except (ValueError, RecursionError):
        return False


def text_lines(path: Path, found: Probe) -> Iterator[tuple[int, str, str]]:
    """Yield (line number from 1, text without its line end, encoding) of every physical line, blank ones too."""
    with path.open("rb") as file:
        file.seek(found.bom)
        if found.encoding == "by line" or (found.encoding == "utf-8" and found.newline == "\n"):
            pieces = file if found.newline == "\n" else _split_on(file, found.newline.encode())
            for number, piece in enumerate(pieces, 1):
                text, encoding = decode_line(piece.removesuffix(b"\n"), found.legacy, found.strict)
                yield number, text, encoding
        else:
            stream = io.TextIOWrapper(file, found.encoding, errors="replace", newline=found.newline)
            for number, text in enumerate(stream, 1):
                yield number, text.removesuffix(found.newline), found.encoding


def text_blocks(path: Path, found: Probe) -> Iterator[tuple[str, str]]:
    """Yield (text, encoding) in blocks of at most 64 KB, or line by line where encodings are mixed."""
    if found.encoding == "by line":
        for _, text, encoding in text_lines(path, found):
            yield text + "\n", encoding
        return
    with path.open("rb") as file:
        file.seek(found.bom)
        stream = io.TextIOWrapper(file, found.encoding, errors="replace", newline="")
        while block := stream.read(1 << 16):
            yield block, found.encoding


def _split_on(file, mark: bytes) -> Iterator[bytes]:
    rest = b""
    while block := file.read(1 << 16):
        *lines, rest = (rest + block).split(mark)
        yield from lines
    if rest:
        yield rest


def decode_line(raw: bytes, legacy: str = "", strict: bool = False) -> tuple[str, str]:
    """Decode one line: strict UTF-8 if it can be, else the legacy encoding that fits it best."""
    try:
        return raw.decode("utf-8"), "utf-8"
    except UnicodeDecodeError:
        pass
    if strict and may_be(raw, legacy):
        return raw.decode(legacy), legacy
    return decode_legacy(raw, legacy)


def decode_legacy(raw: bytes, first: str = "") -> tuple[str, str]:
    """Decode bytes that are not UTF-8. `first` is the file's own guess and wins a close race. Always succeeds."""
    readings = []
    for name in dict.fromkeys((first, *_LEGACY)):
        try:
            text = raw.decode(name) if name else ""
        except UnicodeDecodeError:
            continue
        readings.append(
            (plausibility(text) + (OWN_GUESS if name == first else 0), text, name) if name else (-9.0, "", "")
        )
    damaged = _decode_surrogates(raw)
    readings.append((plausibility(damaged), damaged, DAMAGED))
    best = max(readings, key=lambda reading: reading[0])
    if best[0] < 0.4 and not first:
        return _detected(raw)
    return best[1], best[2]


def _decode_surrogates(raw: bytes) -> str:
    """UTF-8 with broken bytes, or with surrogate pairs written as two characters (CESU-8)."""
    try:
        return raw.decode("utf-8", "surrogatepass").encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    except UnicodeDecodeError:
        return raw.decode("utf-8", "replace")


def _detected(raw: bytes) -> tuple[str, str]:
    from charset_normalizer import from_bytes

    match = from_bytes(raw[:SAMPLE_BYTES]).best()
    if match is None:
        return raw.decode("latin-1"), "latin-1"
    try:
        return raw.decode(match.encoding), match.encoding
    except (UnicodeDecodeError, LookupError):
        return raw.decode("latin-1"), "latin-1"


def plausibility(text: str) -> float:
    """How much the non-ASCII characters of `text` look like written language: about 1 for text, below 0.4 for noise."""
    if text.isascii():
        return 1.0
    total = count = 0.0
    for i, char in enumerate(text):
        if char > "\x7f":
            total += _weight(char, text[max(0, i - 2) : i], text[i + 1 : i + 3])
            count += 1
    return total / count


def _weight(char: str, before: str, after: str) -> float:
    if "\u4e00" <= char <= "\u9fff":
        return _han_weight(char)
    if "\xc0" <= char <= "\u024f" and char.isalpha():
        run = (before[-1:] > "\x7f") + (after[:1] > "\x7f")
        if run == 0:
            return 1.0 if (before[-1:] + after[:1]).strip() and (before[-1:].isalpha() or after[:1].isalpha()) else 0.5
        inside = before[-1:].isascii() and before[-1:].isalpha() or after[:1].isascii() and after[:1].isalpha()
        begins = char.isupper() and not before[-1:].isalpha() and after[:1].islower() and after[1:2].isascii()
        return 0.7 if run == 1 and (begins or (inside and char.islower())) else -0.5
    if char in "‘’“”–—…€«»°£§©®½¿¡·™\xa0":
        return 0.7 if not (before[-1:] > "\x7f" and after[:1] > "\x7f") or char in "‘’“”—…" else -0.3
    if "\uac00" <= char <= "\ud7a3" or "\u3000" <= char <= "\u303f" or "\uff01" <= char <= "\uff5e":
        return 0.8
    if char == "\ufffd" or "\ue000" <= char <= "\uf8ff" or "\x80" <= char <= "\x9f" or char > "\uffff":
        return 0.6 if "\U0001f000" <= char <= "\U0001faff" else -1.0
    return 0.0


@lru_cache(maxsize=30000)
def _han_weight(char: str) -> float:
    """1 for the 3,755 everyday characters of GB 2312, a little less for Big5's everyday ones, below 0 for rare ones."""
    for codec, low, high, weight in (
        ("gb2312", 0xB0, 0xD7, 1.0),
        ("big5", 0xA4, 0xC6, 0.8),
        ("gb2312", 0xD8, 0xF7, 0.4),
    ):
        try:
            if low <= char.encode(codec)[0] <= high:
                return weight
        except UnicodeEncodeError:
            pass
    return -0.5
