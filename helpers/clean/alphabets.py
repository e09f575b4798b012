"""Which encoding text that is neither Unicode nor Chinese is in: by the letters of its language, or by its script.

Encodings of the Latin script differ in a few letters, and detectors mix them up: what tells them apart is that the
letters of a line are those of one language. Other scripts are told by charset-normalizer, and its word is held against
the script.
"""

import re
from functools import cache

# Letters beyond ASCII of the languages of an encoding; in a tie between encodings the first has it.
_CENTRAL = ("ąćęłńóśźż", "áčďéěíňóřšťúůýž", "áäčďéíĺľňóôŕšťúýž", "áéíóöőúüű", "ăâîşţ", "čćđšž")
ALPHABETS = {
    "cp1252": ("äöüß", "áéíñóúü¿¡ªº", "àâæçéèêëîïôœùûü", "àáâãçéêíóôõúüªº", "àèéìíîòóù", "åäöé", "æøåéäö", "äéèëïóöüç"),
    "cp1250": _CENTRAL,
    "iso8859_2": _CENTRAL,
    "cp1254": ("çğıİöşüâîû",),
    "cp1257": ("ąčęėįšųūž", "āčēģīķļņšūž", "äõöüšž"),
}
RARE = ("cp1252", "áðéíóúýþæö")  # Icelandic: Turkish has other letters at four of these places, and is commoner
_MARKS = re.compile("[\x00-\x7f\xa0«»‘’‚“”„–—…•°§€£©®™×·]")
ENOUGH = 0.9  # of the letters beyond ASCII, in the alphabet of one language or in one script
CLOSE = 0.001  # shares no further apart decide nothing: then it is cp1252, the commonest by far
# Encodings of other scripts, by charset-normalizer's names, and the letters that a text in them has.
SCRIPTS = {
    **dict.fromkeys(("cp1251", "koi8_r", "koi8_u", "cp866", "iso8859_5"), "[\u0400-\u04ff]"),
    **dict.fromkeys(("cp1253", "iso8859_7"), "[\u0370-\u03ff]"),
    "cp1255": "[\u0590-\u05ff]",
    "cp1256": "[\u0600-\u06ff]",
    "cp874": "[\u0e00-\u0e7f]",
}
_KANA = re.compile("[\u3041-\u3096\u30a1-\u30fa\u30fc]")


def script_encoding(sample: bytes) -> str:
    """The encoding of the Cyrillic, Greek, Hebrew, Arabic or Thai text `sample`; "" if it is none of these."""
    name = _detected(sample, list(SCRIPTS))
    try:
        letters = _MARKS.sub("", sample.decode(name)) if name else ""
    except UnicodeDecodeError:
        return ""
    return name if len(re.findall(SCRIPTS.get(name, "$^"), letters)) > ENOUGH * len(letters) else ""


def japanese_encoding(sample: bytes) -> str:
    """The encoding of the Japanese text `sample`; "" if it is none. In no other language is a fifth of it kana, nor in
    any other text that was read as Japanese."""
    for name in ("euc_jp", "cp932"):
        try:
            letters = _MARKS.sub("", sample.decode(name))
        except UnicodeDecodeError:
            continue
        if len(_KANA.findall(letters)) > 0.2 * len(letters):
            return name
    return ""


def latin_encoding(sample: bytes) -> str:
    """The encoding of the Latin script in whose languages nearly all letters of `sample` are; "" if there is none."""
    known = {name: share for name in ALPHABETS if (share := _known_letters(sample, name, ALPHABETS[name])) >= ENOUGH}
    if not known:
        return RARE[0] if _known_letters(sample, RARE[0], RARE[1:]) >= ENOUGH else ""
    close = [name for name, share in known.items() if share > max(known.values()) - CLOSE]
    return close[0] if len(close) == 1 or close[0] == "cp1252" else _detected(sample, close) or close[0]


def may_be(line: bytes, encoding: str) -> bool:
    """Whether a line of a file in `encoding` is in it, too: it can be decoded, and most letters are of one language."""
    try:
        line.decode(encoding)
    except UnicodeDecodeError:
        return False
    return encoding not in ALPHABETS or _known_letters(line, encoding, ALPHABETS[encoding]) > 0.5


def _known_letters(sample: bytes, encoding: str, alphabets: tuple[str, ...]) -> float:
    """Share of the letters beyond ASCII that belong to the language that fits their line best; 1 without any, as where
    quotation marks are all there is."""
    known = total = 0
    for line in sample.split(b"\n"):
        try:
            letters = _MARKS.sub("", line.decode(encoding))
        except UnicodeDecodeError:
            return 0.0
        total += len(letters)
        known += max(sum(map(letters.count, _both_cases(alphabet))) for alphabet in alphabets) if letters else 0
    return known / total if total else 1.0


@cache
def _both_cases(alphabet: str) -> set[str]:
    return set(alphabet) | {letter.upper() for letter in alphabet}


def _detected(sample: bytes, encodings: list[str] | None = None) -> str:
    """charset-normalizer's guess, among `encodings` if they are given."""
    from charset_normalizer import from_bytes

    match = from_bytes(sample, cp_isolation=encodings, preemptive_behaviour=False).best()
    return match.encoding if match else ""
