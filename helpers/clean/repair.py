"""Repairs of text, each with a name. They mend what was damaged on the way and leave what was written.

Chinese punctuation stays as it is; `<` in prose and code is no tag; newlines and indentation are never touched.
"""

import html
import re
import unicodedata
from collections.abc import Callable
from functools import lru_cache

_INVISIBLE = re.compile("[\u00ad\u180e\u200b\u2060\u2061-\u2064\ufeff]")
_JOINERS = re.compile(
    "(?<=[\x20-\x7e\u3000-\u303f\u4e00-\u9fff\uff00-\uff60])[\u200c\u200d]+(?![\u0600-\u08ff\u0900-\u0dff])|^[\u200c\u200d]+"
)
_LATEX = re.compile(  # \b and \f of a LaTeX command that JSON took for escapes
    "\x08(?=(?:eta|egin|ar|inom|oldsymbol|mod|ot|ullet|ig|oxed|ackslash|f)\\b)|\x0c(?=(?:rac|orall|rown|lat|box)\\b)"
)
_DIRECTION = re.compile("[\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_RIGHT_TO_LEFT = re.compile("[\u0590-\u08ff]")
_CONTROLS = re.compile("\x1b\\[[0-9;]*[A-Za-z]|[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f]")
_WIDE_RUN = re.compile("[\uff10-\uff19\uff21-\uff3a\uff41-\uff5a]+")
_WIDE_MARK = re.compile(
    "(?<=[0-9A-Za-z])[\uff03\uff06\uff0b\uff0d\uff0e\uff0f\uff1d\uff20\uff3f](?=[0-9A-Za-z])|\uff03(?=[0-9A-Za-z])|(?<=[0-9A-Za-z])\u3000(?=[0-9A-Za-z])"
)
_UNUSUAL = re.compile("[^\t\n\r\x20-\x7e\u3001-\u3011\u4e00-\u9fff\uff01\uff08\uff09\uff0c\uff1a\uff1b\uff1f]")
_OTHER_LETTERS = re.compile("[A-Za-z\u3400-\u9fff]")
_ABOUT_WIDTH = re.compile("全角|半角|full-?width|half-?width", re.IGNORECASE)

_INLINE = "a|abbr|b|big|center|em|font|i|img|ins|mark|s|small|span|strong|strike|sub|sup|u"
_BLOCK = (
    "blockquote|body|br|dd|div|dl|dt|footer|h[1-6]|head|header|hr|html|li|ol|p|section|table|tbody|td|th|thead|tr|ul"
)
_ATTRIBUTE = r"""\s+[\w:\-]+\s*=\s*(?:"[^"<>]*"|'[^'<>]*'|[^\s"'<>]+)"""
_TAG = re.compile(
    rf"</(?P<closed>{_INLINE}|{_BLOCK})\s*>|<(?P<name>{_INLINE}|{_BLOCK})(?:{_ATTRIBUTE}){{0,20}}\s*/?>", re.IGNORECASE
)
_BREAK = "\x0b"  # stands for a block element while tags are removed
_HIDDEN = re.compile(r"<(script|style)\b[^<>]{0,500}>.*?</\1\s*>|<!--.*?-->", re.IGNORECASE | re.DOTALL)
_ENTITY = re.compile(
    r"&(?:#\d{1,7}|#x[0-9a-f]{1,6}|amp|lt|gt|quot|apos|nbsp|ldquo|rdquo|lsquo|rsquo|mdash|ndash|hellip|times|yen|pound|euro);",
    re.IGNORECASE,
)
_ABOUT_MARKUP = re.compile(
    r"\b(?:html|xml|svg|css|tags?|markup|markdown|entit(?:y|ies)|escaped?|browser|web ?page|code|regex|elements?|"
    r"attributes?|javascript|jsx|react|vue|dom|bootstrap)\b|标签|网页|代码|转义|实体|元素",
    re.IGNORECASE,
)
_ANY_TAG = re.compile(r"</?[A-Za-z][\w:\-]*(?:\s[^<>]*)?/?>")
_WRAPPED = re.compile(
    rf"\s*<(?P<outer>{_BLOCK}|span)(?:\s+(?:class|style|dir|lang|align)\s*=[^<>]*)?>(?:(?!\s(?:id|on\w+)\s*=).)*</(?:{_BLOCK}|span)\s*>\s*",
    re.IGNORECASE | re.DOTALL,
)
_GLUED_BREAK = re.compile(r"[^\s<>]<br\s*/?>\s*\S", re.IGNORECASE)

_CODE_LINE = re.compile(
    r"^[ \t]*(?:def \w+\(|class \w+\b.*[:{]$|import [\w.]+(?: as \w+)?;?$|"
    r"from [\w.]+ import \w|#include\b|#!/|@\w+(?:\(.*\))?$|"
    r"(?:public|private|protected|static) [\w<>\[\], ]+[({;=]|(?:func|fn|function) \w*\(|(?:const|let|var) \w+ ?=|"
    r"(?:if|for|while|elif|with|switch|catch)\b.*[()=<>\[\]].*[:{]$|(?:else|try|finally) ?[:{]$|"
    r"(?:SELECT|select)\b.+\b(?:FROM|from)\b|</?(?:!doctype|!DOCTYPE|html|head|body|script|style|template)\b|"
    r"[a-zA-Z_][\w.]*\(.*\);?$|[a-z_][\w.]* ?[-+*/]?= ?.*[\[\](){}'\";\d]$|[{}]\s*[;,]?$)|"
    r"^[ \t]+(?:return|yield|raise|pass|break)\b",
    re.MULTILINE,
)  # fmt: skip


def looks_like_code(text: str) -> bool:
    """Whether `text` holds program code, so that nothing in it may be normalised."""
    return "```" in text or _CODE_LINE.search(text) is not None


@lru_cache(maxsize=64)  # it stands twice in each list of repairs, and mostly has nothing to do
def fix_mojibake(text: str) -> str:
    """Undo text that was decoded with the wrong encoding: UTF-8 read as Latin-1 or cp1252 (ftfy), or read as GBK."""
    if text.isascii():
        return text
    import ftfy
    from ftfy.badness import is_bad

    fixed = ftfy.fix_encoding(text) if is_bad(text) else text  # ftfy asks itself the same, after more work
    return _fix_gbk_mojibake(_fix_rare_letters(fixed))


def _fix_rare_letters(text: str) -> str:
    """UTF-8 read as cp1252 that ftfy is too careful to touch: all of it must turn into Chinese, or letters in words."""
    from helpers.clean.encoding import plausibility

    if not re.search("[ÃÄÅä-é][\x80-\xbf\u0152-\u2122]", text):
        return text
    try:
        mended = text.encode("sloppy-windows-1252").decode("utf-8")
    except UnicodeError:
        return text
    if re.search("[\u4e00-\u9fff]", mended):
        return mended if plausibility(mended) > 0.7 else text
    words = re.sub("(?<=[A-Za-z])[\u00c0-\u017f]|[\u00c0-\u017f](?=[a-z])", "", mended)
    return mended if words.isascii() else text


def _fix_gbk_mojibake(text: str) -> str:
    """UTF-8 read as GBK gives Chinese characters that no one writes; ftfy does not know this one."""
    from helpers.clean.encoding import plausibility

    def mend(piece: str) -> str:
        try:
            mended = piece.encode("gb18030").decode("utf-8")
        except UnicodeError:
            return piece
        return (
            mended
            if re.search("[\u4e00-\u9fff]", mended) and plausibility(mended) > max(0.5, plausibility(piece))
            else piece
        )

    whole = mend(text)
    return whole if whole != text else re.sub("[^\x00-\x7f]{3,}", lambda run: mend(run.group()), text)


def remove_controls(text: str) -> str:
    """Drop control characters and terminal colours; tab, newline, carriage return and form feed stay. A LaTeX command
    gets its backslash back."""
    text = _LATEX.sub(lambda lost: "\\" + {"\x08": "b", "\x0c": "f"}[lost.group()], text)
    return _CONTROLS.sub("", text)


def remove_zero_width(text: str) -> str:
    """Drop invisible characters; joiners inside emoji and in scripts that need them stay."""
    text = _JOINERS.sub("", _INVISIBLE.sub("", text))
    return text if _RIGHT_TO_LEFT.search(text) else _DIRECTION.sub("", text)


def narrow_full_width(text: str) -> str:
    """Full-width digits and letters become ASCII, and the marks between them; Chinese punctuation stays Chinese. A text
    that has no other letters was written so."""
    if _ABOUT_WIDTH.search(text) or not _OTHER_LETTERS.search(text):
        return text
    text = _WIDE_RUN.sub(lambda run: unicodedata.normalize("NFKC", run.group()), text)
    return _WIDE_MARK.sub(lambda mark: unicodedata.normalize("NFKC", mark.group()), text)


def compose(text: str) -> str:
    """Unicode NFC: a letter and its accent become one character."""
    return unicodedata.normalize("NFC", text)


def about_markup(text: str) -> bool:
    """Whether `text` speaks of markup or code."""
    return _ABOUT_MARKUP.search(text) is not None


def strip_html(text: str) -> str:
    """Remove HTML tags and resolve entities. Only names of HTML elements are tags: `a < b` and `List<int>` stay.

    A one-letter name is a tag only where it is also closed. Block elements become line breaks.
    """
    if "<" not in text and "&" not in text:
        return text
    lowered = text.lower()

    def replace(tag: re.Match) -> str:
        name = (tag["name"] or tag["closed"]).lower()
        if tag["name"] and len(name) == 1 and f"</{name}" not in lowered:
            glued = tag.start() > 0 and (text[tag.start() - 1].isalnum() or text[tag.start() - 1] == "_")
            if name != "p" or glued:
                return tag.group()
        return _BREAK if re.fullmatch(_BLOCK, name) else ""

    bare = _TAG.sub(replace, _HIDDEN.sub("", text)) if "<" in text else text
    if _BREAK in bare and _BREAK not in text:
        bare = re.sub(f"[ \n]*{_BREAK}[ \n{_BREAK}]*", "\n", bare).strip("\n")
    return _ENTITY.sub(lambda entity: html.unescape(entity.group()).replace("\xa0", " "), bare)


def strip_stray_html(text: str) -> str:
    """`strip_html` for text of unknown origin: only what a web page left behind. That is a text wrapped in block tags,
    or with line breaks glued to its words, with no tag but HTML's and none with an id or an event; and entities inside
    words. Nothing is touched where the text is about markup or holds code."""
    if "<" not in text and "&" not in text:
        return text
    if looks_like_code(text) or "`" in text or about_markup(text):
        return text
    if has_html(text):
        wrapped = _WRAPPED.fullmatch(text) or _GLUED_BREAK.search(text)
        return strip_html(text) if wrapped and not _ANY_TAG.search(_TAG.sub("", text)) else text
    entities = list(_ENTITY.finditer(text))
    return strip_html(text) if entities and all(_left_behind(text, entity) for entity in entities) else text


def has_html(text: str) -> bool:
    """Whether `text` holds a tag of HTML."""
    return "<" in text and _TAG.search(text) is not None


def has_entity(text: str) -> bool:
    """Whether `text` holds an entity of HTML, such as `&amp;`."""
    return "&" in text and _ENTITY.search(text) is not None


def _left_behind(text: str, entity: re.Match) -> bool:
    """An entity inside or beside a word, or an ampersand between two capitals; never one that stands for < or >."""
    if html.unescape(entity.group()) in "<>":
        return False
    before, after = text[: entity.start()], text[entity.end() :]
    if before[-1:].isalnum() or after[:1].isalnum():
        return True
    return entity.group() == "&amp;" and re.search("[A-Z]\\w* $", before) is not None and after[1:2].isupper()


Repair = tuple[str, Callable[[str], str]]
_ENCODING: tuple[Repair, ...] = (
    ("control_characters", remove_controls),
    ("zero_width_characters", remove_zero_width),
    ("mojibake", fix_mojibake),
    ("unicode_composed", compose),
    ("full_width_characters", narrow_full_width),
)
REPAIRS: dict[str, tuple[Repair, ...]] = {
    "task text": (("mojibake", fix_mojibake), *_ENCODING, ("html", strip_html), ("outer_whitespace", str.strip)),
    "question": (("mojibake", fix_mojibake), *_ENCODING, ("html", strip_stray_html)),
    "answer": (("mojibake", fix_mojibake), *_ENCODING),
    "code": (),
}
_OTHER_REPAIRS = {kind: tuple(step for step in steps if step not in _ENCODING) for kind, steps in REPAIRS.items()}


def _decoded_well(text: str) -> bool:
    """Whether no repair of _ENCODING has anything to do, as a quick look shows."""
    if text.isascii():
        return not _CONTROLS.search(text) and not _LATEX.search(text)
    return _UNUSUAL.search(text) is None and fix_mojibake(text) == text


@lru_cache(maxsize=64)  # an instruction is the same in row after row, and an answer is repaired by two callers
def repair_text(text: str, kind: str) -> tuple[str, tuple[str, ...]]:
    """Apply the repairs of `kind` (a key of REPAIRS) in order: (repaired text, names of those that changed it)."""
    done = []
    for name, repair in _OTHER_REPAIRS[kind] if _decoded_well(text) else REPAIRS[kind]:
        repaired = repair(text)
        if repaired != text:
            done.append(name)
            text = repaired
    return text, tuple(done)
