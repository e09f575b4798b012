"""What a row is about, by its words: where markup, numbers, addresses or characters are the task, they stay as written.

Decided for the whole row, so that its question and its answer are treated alike.
"""

import re
import unicodedata
from collections.abc import Callable

from helpers.clean.repair import looks_like_code

_LONGEST = 20_000  # characters looked at
_MORE_CODE = re.compile(
    r"^[ \t]*(?:\$ |sudo )?(?:git [a-z]+|curl|wget|ssh|scp|docker [a-z]+|kubectl|pip3? install|npm [a-z]+)[ \t]+\S|"
    r"^[ \t]*(?:assert|print|raise|throw|echo)\b.*[('\"$]|"
    r"\b(?:INSERT INTO|DELETE FROM|CREATE TABLE|UPDATE \w+ SET|ALTER TABLE)\b|`[^`\n]*[_(){}=;$][^`\n]*`|"
    r"\w\('[^']*'\)|\w\(\"[^\"]*\"\)",
    re.MULTILINE,
)
_FORMAT_ANYWHERE = re.compile(
    r"\bregex|\bregular expression|\bregexp|\bunit tests?\b|\blibphonenumber|\bchecksum|正则|校验", re.IGNORECASE
)
_FORMAT_NEAR = re.compile(
    r"\b(?:(?:in)?valid(?:ate|ation|ity)?|pars(?:e|er|ing)|luhn|isbn|check digit|hash|domain|hostname|mailto|syntax|"
    r"local part)\b|\bpattern\b.{0,60}\bmatch|域名|格式|解析|字符串|合法|有效",
    re.IGNORECASE,
)
_NUMBER_NEAR = re.compile(r"\b(?:version|string|format(?:ted|ting)?|tokens?|part number|serial)\b", re.IGNORECASE)
_NUMBERS = re.compile(
    r"\b(?:calculat\w*|comput(?:e|es|ed|ing|ation)|modulo|mod \d|remainder|decimal|binary|octal|hexadecimal|primes?|"
    r"digits?|(?:number |arithmetic |geometric )(?:sequence|series)|comes next|equation|factori[sz]\w*|arithmetic|"
    r"vector|matrix|(?:average|sum|product|multiple|power|root|mean|median|norm|logarithm) of|divisors?|divisible|"
    r"integers?|base \d|in words|maths?|algebra|even or odd|odd or even)\b|"
    r"\b(?:add|subtract|multiply|divide|round|increment|decrement|double|halve|square|sort|order|convert|sum|larger|"
    r"smaller|greater|less|bigger|plus|minus|times|between|simplify|evaluate|solve|count)\b[^A-Za-z\n]{0,4}\d|"
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
_HAN = re.compile("[\u3400-\u9fff]")


def _all_text(messages: list[dict]) -> str:
    return "\n".join(message["content"][:_LONGEST] for message in messages)


def is_code(messages: list[dict]) -> bool:
    """Whether any message holds program code, commands or statements."""
    return any(looks_like_code(m["content"]) or _MORE_CODE.search(m["content"][:_LONGEST]) for m in messages)


def is_about_characters(messages: list[dict]) -> bool:
    """Whether the row speaks of encodings or of characters themselves, so that odd ones are no damage."""
    return _CHARACTERS.search(unicodedata.normalize("NFKC", _all_text(messages))) is not None


def task_numbers(messages: list[dict]) -> Callable[[str, int, int], bool]:
    """A function that says whether text[start:end], which looks like personal data, is what the row is about.

    In maths only a number that a word calls a telephone is one; elsewhere a bare run of digits needs such a word or
    Chinese around it, and nothing is personal beside a word for its form (valid, parse, domain).
    """
    whole = _all_text(messages)
    if _FORMAT_ANYWHERE.search(whole):
        return lambda text, start, end: True
    maths = _NUMBERS.search(whole) is not None

    def is_task(text: str, start: int, end: int) -> bool:
        near = text[max(0, start - 60) : start] + " " + text[end : end + 40]
        called = _OWNED.search(text[max(0, start - 30) : start]) is not None
        if "@" in text[start:end] or called:
            return not called and _FORMAT_NEAR.search(near) is not None
        bare = end - start < 13 and text[start:end].isdigit() and not _HAN.search(text)
        return maths or bare or _FORMAT_NEAR.search(near) is not None or _NUMBER_NEAR.search(near) is not None

    return is_task
