"""Wrong answers to the exercises of lesson 01, and words of the hint that each must get."""

GRAMS = """
def grams(row):
    text = "".join(char for char in row["ticket"].casefold() if char.isalnum())
    return {text[i : i + 3] for i in range(len(text) - 2)}
def alike(a, b):
    return len(grams(a) & grams(b)) / len(grams(a) | grams(b)) > 0.6
"""

REPAIR = """
import html, re, unicodedata, ftfy
TAG = re.compile(r"</?(?:b|i|p|br|div|span)\\b[^<>]*>")
"""

SCHEMA = """
from typing import Literal
from pydantic import BaseModel, Field
"""

WRONG = {
    "same_row": [
        ("def same_row(a, b):\n    return a == b", "compare n-grams"),
        (GRAMS + "def same_row(a, b):\n    return alike(a, b)", "different order numbers"),
        (
            GRAMS
            + "def same_row(a, b):\n    return alike(a, b) and a['answer']['order_id'] == b['answer']['order_id']",
            "different quantities",
        ),
        ("def same_row(a, b):\n    return a['answer'] == b['answer']", "in other words are a new example"),
        ("def same_row(a, b):\n    return True", "different order numbers"),
        (
            "def same_row(a, b):\n"
            "    x, y = ({r['ticket'][i : i + 5] for i in range(len(r['ticket']) - 4)} for r in (a, b))\n"
            "    return a['answer'] == b['answer'] and len(x & y) / len(x | y) > 0.6",
            "misses a Chinese duplicate",
        ),
    ],
    "repair": [
        (REPAIR + "def repair(text):\n    return text", "mojibake stays"),
        (REPAIR + "def repair(text):\n    return ftfy.fix_text(text)", "rewrites the punctuation"),
        (REPAIR + "def repair(text):\n    return unicodedata.normalize('NFKC', text)", "rewrites the punctuation"),
        (REPAIR + "def repair(text):\n    return re.sub(r'<[^>]+>', '', text)", "takes the text between"),
        (REPAIR + "def repair(text):\n    return ' '.join(text.split())", "squeezes white space"),
        (
            REPAIR + "def repair(text):\n    return text.encode('latin-1', 'ignore').decode('utf-8', 'ignore')",
            "was correct and became",
        ),
        (
            REPAIR + "def repair(text):\n    return html.unescape(TAG.sub('', ftfy.fix_encoding(text)))",
            "the no-break space",
        ),
    ],
    "row_schema": [
        (
            SCHEMA + "class Message(BaseModel):\n    role: str\n    content: str\n"
            "class Row(BaseModel):\n    messages: list[Message]\n"
            "def row_schema():\n    return Row",
            "a role that the chat template",
        ),
        (
            SCHEMA + "class Message(BaseModel):\n    role: Literal['system', 'user', 'assistant']\n    content: str\n"
            "class Row(BaseModel):\n    messages: list[Message]\n"
            "def row_schema():\n    return Row",
            "an answer of white space",
        ),
        (
            SCHEMA + "class Message(BaseModel):\n    role: Literal['system', 'user', 'assistant']\n"
            "    content: str = Field(pattern=r'\\S')\n"
            "class Row(BaseModel):\n    messages: list[Message] = Field(min_length=1)\n"
            "def row_schema():\n    return Row",
            "a row without an answer",
        ),
        (
            SCHEMA + "class Message(BaseModel):\n    role: Literal['user', 'assistant']\n    content: str\n"
            "class Row(BaseModel):\n    messages: list[Message]\n"
            "def row_schema():\n    return Row",
            "which is fine",
        ),
        ("def row_schema():\n    return {'messages': list}", "return the class itself"),
    ],
}
