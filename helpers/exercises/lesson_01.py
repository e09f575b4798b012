"""Checks of lesson 01: the same row or a look-alike, a repair that leaves correct text alone, the schema of a row."""

from helpers.exercises import exercise, wrong

ANSWER = {"customer": "Sarina Stroh", "order_id": "S-61325", "quantity": 2, "product": "bunk bed", "issue": "arm broke"}
TICKET = "On 9 June I bought 2 pcs of bunk bed, order number S-61325. My fault is: arm broke. Yours Sarina Stroh."
CHINESE = "各位好，买家是邸红文。单号#2914085，我买了1件花瓶F54。结果风扇拧不紧。"
CHINESE_ANSWER = {
    "customer": "邸红文",
    "order_id": "#2914085",
    "quantity": 1,
    "product": "花瓶F54",
    "issue": "风扇拧不紧",
}


def row(ticket: str, answer: dict, **changed) -> dict:
    return {"ticket": ticket, "answer": {**answer, **changed}}


@exercise
def same_row(answer):
    """`answer(a, b)` says whether two rows are near duplicates."""
    first = row(TICKET, ANSWER)
    if not answer(first, row(TICKET, ANSWER)):
        wrong("it does not call a row the duplicate of itself.")
    if not answer(first, row(f"Hello! {TICKET.replace('. My', '; My')} Thanks.", ANSWER)):
        wrong("a greeting and a semicolon more, and it sees another ticket: compare n-grams, not whole texts.")
    chinese = row(CHINESE, CHINESE_ANSWER)
    if not answer(chinese, row(CHINESE.replace("，", " ").replace("。", "！"), CHINESE_ANSWER)):
        wrong("it misses a Chinese duplicate with other punctuation: leave punctuation out, or take shorter n-grams.")
    if answer(first, row(TICKET.replace("S-61325", "S-61326"), ANSWER, order_id="S-61326")):
        wrong("two tickets with different order numbers are two customers' problems, however alike the texts are.")
    if answer(first, row(TICKET.replace("2 pcs", "3 pcs"), ANSWER, quantity=3)):
        wrong("two tickets with different quantities are not the same: compare all fields of the answers.")
    if answer(first, row("Sarina Stroh here. S-61325 again: arm broke! That is the bunk bed, quantity 2.", ANSWER)):
        wrong("the same fields in other words are a new example, not a duplicate: compare the texts, too.")
    return "texts that are alike and answers that are equal, both; either alone loses rows or keeps copies."


BROKEN = {
    "Jordi JÃ¤kel called us.": ("Jordi Jäkel called us.", "mojibake stays: ftfy.fix_encoding undoes it."),
    "<b>Order</b>&nbsp;7045": ("Order 7045", "tags, entities or the no-break space stay."),
    "订单８２８７３１８，谢谢。": (
        "订单8287318，谢谢。",
        "full-width digits stay, or the comma after them was changed, too: normalise runs of digits and letters only.",
    ),
}
CORRECT = {
    "名字：段龙龙。单号为QA-200-367，我买了5件。": "it rewrites the punctuation of correct Chinese: use neither "
    "NFKC nor ftfy.fix_text on a whole text.",
    "pressure < 2 bar and flow > 5 l/min": "it takes the text between `<` and `>` for a tag: name your tags.",
    "def f(x):\n    return x\n\nf(1)": "it squeezes white space, and code no longer runs.",
    "Ask Renée or Jürgen: 30 € für 2 Stück.": "it damages accents in correct text.",
}


@exercise
def repair(answer):
    """`answer(text)` returns the text repaired."""
    for text, hint in CORRECT.items():
        if answer(text) != text:
            wrong(f"{text!r} was correct and became {answer(text)!r}: {hint}")
    for text, (wanted, hint) in BROKEN.items():
        if answer(text) != wanted:
            wrong(f"{text!r} became {answer(text)!r}: {hint}")
    return "three damages are repaired, and four texts that were correct came back as they were."


def turns(*pairs: tuple[str, str]) -> dict:
    return {"messages": [{"role": role, "content": content} for role, content in pairs]}


SYSTEM, ASKED, ANSWERED = ("system", "Be brief."), ("user", "7 + 5?"), ("assistant", "12")
GOOD = (turns(ASKED, ANSWERED), turns(SYSTEM, ASKED, ANSWERED), turns(ASKED, ANSWERED, ASKED, ANSWERED))
BAD = (
    (turns(ASKED, ("gpt", "12")), "a role that the chat template does not know passed: `Literal` lists those it does."),
    (turns(ASKED, ("assistant", " \n")), "an answer of white space passed: it teaches to say nothing."),
    (turns(ASKED), "a row without an answer passed: the last message must be the assistant's."),
    (
        turns(ASKED, ANSWERED, ASKED),
        "a row that ends with a question passed: the last message must be the assistant's.",
    ),
    (turns(), "a row without messages passed."),
)


@exercise
def row_schema(answer):
    """`answer()` returns the pydantic model of a training row."""
    from pydantic import BaseModel, ValidationError

    model = answer()
    if not (isinstance(model, type) and issubclass(model, BaseModel)):
        wrong("return the class itself, a subclass of pydantic's BaseModel.")
    for value in GOOD:
        try:
            model.model_validate(value)
        except ValidationError as error:
            wrong(f"it rejects {value}, which is fine: {error.errors()[0]['msg']}")
    for value, hint in BAD:
        try:
            model.model_validate(value)
        except ValidationError:
            continue
        wrong(hint)
    return "three good rows pass, and five kinds of bad ones say where they are wrong."
