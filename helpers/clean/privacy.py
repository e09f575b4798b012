"""Masks personal data that the task does not need: card numbers, phone numbers, e-mail addresses.

An order number may look like a phone number. What the answer names as its order, and what the text calls an order,
invoice or tracking number, is never masked.
"""

import re
from collections.abc import Callable

EMAIL = re.compile(
    r"(?<![A-Za-z0-9À-ÖØ-öø-ÿ._%+\-/])(?!git@)[A-Za-z0-9À-ÖØ-öø-ÿ_%+][A-Za-z0-9À-ÖØ-öø-ÿ._%+\-]{0,63}@(?:[A-Za-z0-9\-]{1,63}\.){1,5}[A-Za-z]{2,24}(?![A-Za-z0-9])"
)
_CARD = re.compile(
    r"(?<![0-9A-Za-z\-])(?<![0-9][., ])(?:[2-6][0-9]{3}(?:[ .\-]?[0-9]{4}){2,3}(?:[ .\-]?[0-9]{1,4})?|"
    r"3[47][0-9]{2}[ .\-]?[0-9]{6}[ .\-]?[0-9]{5}|62[0-9]{4}[ \-][0-9]{13}|1800[0-9]{11})"
    r"(?![0-9A-Za-z]|-[0-9A-Za-z])"
)
_EDGE, _END = (
    r"(?<![0-9A-Za-z#+_\-])(?<![0-9][.,:/])",
    r"(?:,? ?(?:x|ext\.? ?)[0-9]{1,5})?(?![0-9A-Za-z_]|[.,:/\-][0-9]|-[A-Za-z])",
)
_PHONES = tuple(
    re.compile(_EDGE + pattern + _END)
    for pattern in (
        r"(?:\((?:\+|00)86\)[ \-]?|(?:\+|00)86[ \-]?|86[ \-])?1[3-9][0-9](?:[0-9]{8}|[ \-][0-9]{4}[ \-][0-9]{4})",
        r"(?:(?:\+|00)[1-9][0-9]{0,2}|\((?:\+|00)[1-9][0-9]{0,2}\))[ .\-]?"
        r"(?:\(0?[0-9]{1,4}\)[ .\-]?)?[0-9]{1,5}(?:[ .\-]?[0-9]{2,5}){1,4}",
        r"(?:\(0[1-9][0-9]{1,2}\)|0[1-9][0-9]{1,2})[ \-][0-9]{7,8}(?:(?:-|转)[0-9]{1,5})?",
        r"400-[0-9]{3}-[0-9]{4}",
        r"(?:1[ .\-])?(?:\([2-9][0-9]{2}\) ?|[2-9][0-9]{2}[ .\-])[0-9]{3}[ .\-][0-9]{4}",
        r"(?:\(0[1-9][0-9]{1,4}\)|0[1-9][0-9]{1,4})[ \-][0-9]{3,4}[ \-]?[0-9]{3,4}",
    )
)
_NAMED_PHONE = re.compile(
    r"(?:(?<![A-Za-z])(?:phone|telephone|mobile|cell|whatsapp|fax)(?: number| no\.?)?|"
    r"(?<![A-Za-z])tel\b\.?|(?<![A-Za-z])(?:call|text|reach|ring) me (?:back )?(?:at|on)|"
    r"电话号码|电话|手机号码|手机号|手机|座机|联系方式)"
    r"(?: is|是|为)?[ :：=]{0,3}(?:[(（](?!\+?[0-9]{1,5}\)))?"
    r"(?P<number>(?:\+|\((?=\+?[0-9]{1,5}\))\+?)?[0-9](?:[ .\-()]{0,2}[0-9]){6,14})" + _END,
    re.IGNORECASE,
)
_ORDER_WORD = re.compile(
    r"(?:order|invoice|ticket|tracking|parcel|purchase|reference|ref|sku|serial|isbn|订单|单号|编号|运单|快递|流水|工单|发票|凭证|这一单|参考)"
    r"(?:ed|s)?[ _]?(?:no\.?|number|num|id|code|key|ref|号码|编号|代码|号|ID)?[\"']?"
    r"[ ]?(?:is|was|是|为|:|：|=|-|#|（|\()?[ ]?[\"']?#?$",
    re.IGNORECASE,
)
_NO_PHONE = re.compile(  # dates, versions, coordinates, a bare run that begins with two noughts (GTIN, account)
    r"(?:19|20)[0-9]{2}-[0-9]{2}-[0-9]{2}|[1-9][0-9]?\.[0-9]{1,2}\.[0-9]{3,}(?:\.[0-9]+)*|\+[0-9]{1,3}\.[0-9]{4,}|00[0-9]+"
)
_FAR_DIGITS = re.compile(r"[0-9][^A-Za-z]{5,}[0-9]")
_MANY_DIGITS = re.compile(r"(?:[0-9][^0-9A-Za-z]{0,2}){6}[0-9]|[0-9],? ?(?:x|ext)")  # no number is shorter
_CARD_WORD = re.compile(r"(?:card|visa|mastercard|amex|卡)[^0-9]{0,12}$", re.IGNORECASE)


def luhn(digits: str) -> bool:
    """The check digit of payment cards (ISO/IEC 7812-1, annex B)."""
    total = 0
    for i, digit in enumerate(reversed(digits)):
        value = int(digit) * (2 if i % 2 else 1)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


def mask_personal_data(
    text: str,
    protected: tuple[str, ...] = (),
    is_task: Callable[[str, int, int], bool] = lambda text, start, end: False,
    found: dict[str, str] | None = None,
) -> tuple[str, list[str]]:
    """Replace personal data by [CARD], [PHONE] and [EMAIL]: (text, names of the masks used).

    `protected` are values that must stay, such as the order id of the answer. `is_task` says whether text[start:end]
    is what the row is about, and stays.
    """
    if "@" not in text and not (_FAR_DIGITS.search(text) and _MANY_DIGITS.search(text)):
        return text, []
    keep = [value for value in protected if value]
    done = []

    def masked_as(mark: str, value: str) -> str:
        if found is not None:
            found[value] = mark
        return mark

    def named_as_order(found: re.Match, group: int | str = 0) -> bool:
        number = found.group(group)
        if any(number in value or (value in number and len(value) > len(number) - 4) for value in keep):
            return True
        before = text[max(0, found.start(group) - 32) : found.start(group)]
        return _ORDER_WORD.search(before) is not None and _CARD_WORD.search(before) is None

    def email(found_: re.Match) -> str:
        return found_.group() if is_task(text, *found_.span()) else masked_as("[EMAIL]", found_.group())

    def card(match: re.Match) -> str:
        digits = re.sub("[^0-9]", "", match.group())
        issued = 13 <= len(digits) <= 19 and (
            digits[0] != "2" or 2221 <= int(digits[:4]) <= 2720 or digits.startswith("2131")
        )
        if len(digits) not in (15, 16, 19):  # as long as article and order numbers: a word must say that it is a card
            issued = (len(digits) > 12 and issued or digits[0] in "56") and _CARD_WORD.search(
                text[: match.start()]
            ) is not None
        if not issued or not luhn(digits) or named_as_order(match) or is_task(text, *match.span()):
            return match.group()
        return masked_as("[CARD]", match.group())

    def phone(match: re.Match) -> str:
        digits = re.sub("[^0-9]", "", match.group())
        least = 11 if digits.startswith("00") else 8 if "+" in match.group() else 7
        if (
            _NO_PHONE.fullmatch(match.group())
            or re.search("[0-9] $", text[: match.start()])
            and digits.startswith("00")
        ):
            return match.group()
        if not least <= len(digits) <= 17 or not set(digits) - {"0", "1"}:  # ones and noughts are binary
            return match.group()
        return (
            match.group()
            if named_as_order(match) or is_task(text, *match.span())
            else masked_as("[PHONE]", match.group())
        )

    def named_phone(match: re.Match) -> str:
        if (
            re.fullmatch(_NO_PHONE.pattern.rsplit("|", 1)[0], match["number"])
            or named_as_order(match, "number")
            or is_task(text, *match.span("number"))
        ):
            return match.group()
        return match.group()[: match.start("number") - match.start()] + masked_as("[PHONE]", match["number"])

    steps: list[tuple[str, re.Pattern[str], Callable[[re.Match[str]], str]]]
    steps = [("masked_email", EMAIL, email), ("masked_card", _CARD, card)]
    steps += [("masked_phone", pattern, phone) for pattern in _PHONES] + [("masked_phone", _NAMED_PHONE, named_phone)]
    for name, pattern, replacement in steps:
        masked = pattern.sub(replacement, text)
        if masked != text:
            done.append(name)
            text = masked
    return text, done
