"""Known wrong answers to the exercise of notebook 13, and words of the hint that each must get."""


def ungarbled(expression: str) -> str:
    return f"def ungarble(text):\n    return {expression}\n"


def guarded(expression: str, error: str) -> str:
    return f"def ungarble(text):\n    try:\n        return {expression}\n    except {error}:\n        return text\n"


BACK = "text.encode('latin-1').decode('utf-8')"

WRONG = {
    "ungarble": [
        (ungarbled(BACK), "a right text raised: Chinese letters"),
        (guarded(BACK, "UnicodeDecodeError"), "Chinese letters have no place in Latin-1"),
        (guarded(BACK, "UnicodeEncodeError"), "the é of a right Café is no UTF-8"),
        (ungarbled("text.encode('utf-8').decode('latin-1')"), "garbled twice"),
        (guarded("text.encode('cp1252').decode('utf-8')", "UnicodeDecodeError"), "which encoding has one"),
        (
            ungarbled("text.encode('latin-1', errors='ignore').decode('utf-8', errors='ignore')"),
            "a right text was changed",
        ),
        (ungarbled("text.encode('latin-1').decode('ascii')"), "decodes as another encoding"),
        (ungarbled("text.encode('latin-1')"), "those are bytes"),
        (ungarbled("text"), "came back as it was"),
        (ungarbled("text.encode('ascii', 'ignore').decode()"), "were characters left out"),
    ]
}
