"""Check of the exercise of notebook 13: mojibake undone, and nothing else touched."""

from collections.abc import Callable

from helpers.exercises import exercise, wrong

RIGHT = ("訂單 #831026 的燈不亮", "Café Müller", "Naïve façade: 5 €", "order 17")


@exercise
def ungarble(answer: Callable) -> str:
    """`answer(text)` is the text before UTF-8 was read as Latin-1."""
    for text in RIGHT:
        garbled = text.encode("utf-8").decode("latin-1")
        try:
            found = answer(garbled)
        except UnicodeDecodeError:
            wrong("that decodes as another encoding than it was: the bytes were UTF-8 once, and Latin-1 by mistake")
        except UnicodeEncodeError as error:
            wrong(f"{error.encoding} has no byte for some of these letters: which encoding has one for each of 256?")
        if isinstance(found, bytes):
            wrong("those are bytes: the second step decodes them")
        if found == text.encode("utf-8").decode("latin-1").encode("utf-8").decode("latin-1") != text:
            wrong("that is garbled twice now: encode with the codec that was wrong, decode with the right one")
        if found == garbled != text:
            wrong("the garbled text came back as it was")
        if found != text:
            wrong(f"{garbled!a} became {found!a}, wanted {text!a}: were characters left out, or others put in?")
    for text in RIGHT:
        try:
            found = answer(text)
        except UnicodeEncodeError:
            wrong("a right text raised: Chinese letters have no place in Latin-1. Give such a text back as it is")
        except UnicodeDecodeError:
            wrong("a right text raised: the é of a right Café is no UTF-8. Give such a text back as it is")
        if found != text:
            wrong(f"a right text was changed, {text!a} to {found!a}: errors='ignore' and 'replace' lose letters")
    return "every garbled row is back, and every right one is as it was."
