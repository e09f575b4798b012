"""What a row is about, by its words: where markup, numbers, addresses or characters are the task, they stay as written.

Decided for the whole row, so that its question and its answer are treated alike.
"""

import json
import re
import unicodedata
from functools import cached_property

from helpers.clean.repair import about_markup, has_entity, has_html, looks_like_code

_LONGEST = 20_000  # characters looked at
_MORE_CODE = re.compile(
    r"^[ \t]*(?:\$ |sudo )?(?:git [a-z]+|curl|wget|ssh|scp|docker [a-z]+|kubectl|pip3? install|npm [a-z]+)[ \t]+\S|"
    r"^[ \t]*(?:assert|print|raise|throw|echo)\b.*[('\"$]|^[ \t]*[A-Za-z]+[_.][\w.]*[ \t]*=|"
    r"\b(?:INSERT INTO|DELETE FROM|CREATE TABLE|UPDATE \w+ SET|ALTER TABLE)\b|`[^`\n]*[_(){}=;$@/\\-][^`\n]*`|"
    r"\b(?:val|auto|[Ss]tring|int|char|local|my|final|static|let mut) \$?\w+ ?= ?['\"\d]|"
    r"\w\('[^']*'\)|\w\(\"[^\"]*\"\)",
    re.MULTILINE,
)
_JSON_FENCE = re.compile(r"\s*```(?:json)?\s*\n(.*?)\n?```\s*", re.DOTALL)
_TECHNICAL = re.compile(
    r"\b(?:regex|regexp|regular expression|unit tests?|libphonenumber|checksum|git|bash|python|javascript|typescript|"
    r"django|flask|sql|yaml|ssh|smtp|curl|php|perl|golang|pandas|numpy|dataframe|algorithm|compiler)\b|"
    r"\\d[{+*]|\[0-9\]|\[a-zA-Z0-9|正则|校验",
    re.IGNORECASE,
)
_PERSONAL = re.compile(  # said of oneself, whatever else the row is about
    r"\b(?:call|reach|text|ring|contact|mail|e-?mail|message) (?:me|us)\b|\b(?:write|reply|get back) to me\b|"
    r"\bmy (?:phone|telephone|mobile|cell|e-?mail|mail)(?: number| address)?(?: is|:)|我的(?:电话|手机|邮箱|号码)",
    re.IGNORECASE,
)
_FORMAT_NEAR = re.compile(
    r"\b(?:(?:in)?valid(?:ate|ation|ity)?|pars(?:e|er|ing)|luhn|isbn|check digit|hash|domain|hostname|mailto|syntax|"
    r"local part)\b|\bpattern\b.{0,60}\bmatch|域名|格式|解析|字符串|合法|有效",
    re.IGNORECASE,
)
_NUMBER_NEAR = re.compile(
    r"\b(?:version|string|format(?:ted|ting)?|tokens?|part number|serial|ids?|identifiers?|population|bytes|seconds|"
    r"timestamp|hash(?:es)?|codes?|keys?)\b",
    re.IGNORECASE,
)
_NUMBERS = re.compile(
    r"\b(?:calculat\w*|comput(?:e|es|ed|ing|ation)|modulo|mod \d|remainder|decimal|binary|octal|hexadecimal|primes?|"
    r"digits?|(?:number |arithmetic |geometric )(?:sequence|series)|comes next|equation|factori[sz]\w*|arithmetic|"
    r"vector|matrix|(?:average|sum|product|multiple|power|root|mean|median|norm|logarithm) of|divisors?|divisible|"
    r"integers?|base \d|what(?:'s| is)[ :]*\d|how much is \d|in words|maths?|algebra|even or odd|odd or even)\b|"
    r"\b(?:add|subtract|multiply|divide|round|increment|decrement|double|halve|square|sort|order|convert|sum|larger|"
    r"smaller|greater|less|bigger|plus|minus|times|between|simplify|evaluate|solve|count)\b[^A-Za-z\n]{0,4}\d|"
    r"\$[^$\n ][^$\n]*[\\^_=+][^$\n]*\$|\\(?:frac|sqrt|sum|cdot|times)\b|"
    r"\d[ \t]*[*×÷^=<>%/][ \t]*[\d?]|\d \+ \d|\d [-−] \d|\d\) ?[*/+] ?\(?\d|"
    "计算|数列|余数|之和|之积|质数|素数|公约数|公倍数|进制|位数|数字|方程|平方|立方|乘以|除以|加上|减去|等于|平均数|"
    "整除|大小",
    re.IGNORECASE,
)
_OWNED = re.compile(  # words that call what follows somebody's telephone or card
    r"\b(?:call|phone|telephone|tel|mobile|cell|whatsapp|fax|sms|text|contact|reach|ring|dial|number is|card|visa|"
    r"amex|my (?:e-?mail|mail|address|number)|write (?:to )?me)\b|电话|手机|座机|联系|致电|拨打|短信|微信|号码|卡",
    re.IGNORECASE,
)
_CHARACTERS = re.compile(
    r"mojibake|encod|latin-?1|utf-?(?:8|16|32)|cp125\d|\bgbk\b|unicode|garbled|code ?point|"
    r"(?:full|half|zero)[- ]?width|\bZWJ\b|U\+[0-9A-F]{4}|乱码|编码|全角|半角|looks wrong",
    re.IGNORECASE,
)


class Topic:
    """What the messages of one row are about. Each answer is worked out when it is first asked for."""

    def __init__(self, messages: list[dict]):
        self.messages = messages

    @cached_property
    def text(self) -> str:
        """All that is said."""
        return "\n".join(message["content"][:_LONGEST] for message in self.messages)

    @cached_property
    def code(self) -> bool:
        """Whether any message holds program code, commands or statements; JSON alone is data."""
        texts = (message["content"][:_LONGEST] for message in self.messages)
        return any((looks_like_code(text) or _MORE_CODE.search(text)) and not _is_json(text) for text in texts)

    @cached_property
    def markup(self) -> bool:
        """Whether the row is code, speaks of markup, or answers in it."""
        answers = [message["content"] for message in self.messages if message["role"] == "assistant"]
        return self.code or about_markup(self.text) or any(has_html(text) or has_entity(text) for text in answers)

    @cached_property
    def characters(self) -> bool:
        """Whether the row speaks of encodings or of characters themselves, so that odd ones are no damage."""
        return _CHARACTERS.search(unicodedata.normalize("NFKC", self.text)) is not None

    @cached_property
    def maths(self) -> bool:
        """Whether the row is about numbers."""
        return _NUMBERS.search(self.text) is not None

    @cached_property
    def technical(self) -> bool:
        """Whether the row is about programs: data in it is an example, if nobody says that it is their own."""
        return self.code or _TECHNICAL.search(self.text) is not None

    def is_task(self, text: str, start: int, end: int) -> bool:
        """Whether text[start:end], which looks like personal data, is what the row is about.

        In maths only a number that a word calls a telephone is personal; elsewhere nothing is beside a word for its
        form (valid, parse, domain), nor a number beside a word for what else it may be (version, id). In code all stays
        but what somebody calls their own.
        """
        if self.technical:
            return _PERSONAL.search(text[max(0, start - 40) : start]) is None
        near = text[max(0, start - 60) : start] + " " + text[end : end + 40]
        called = _OWNED.search(text[max(0, start - 30) : start]) is not None
        if "@" in text[start:end] or called:
            return not called and _FORMAT_NEAR.search(near) is not None
        return self.maths or _FORMAT_NEAR.search(near) is not None or _NUMBER_NEAR.search(near) is not None


def _is_json(text: str) -> bool:
    """Whether a text is one value of JSON, in a code block or not."""
    fenced = _JSON_FENCE.fullmatch(text)
    try:
        json.loads(fenced.group(1) if fenced else text)
    except (ValueError, RecursionError):
        return False
    return True
