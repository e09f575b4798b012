"""What the embedded base learns from: questions about a ticket, and copying of random strings. Never JSON.

About 15% of all phrasings are kept for held-out questions, as in `tickets`.
"""

import random
from collections.abc import Callable

from helpers.chats import COPIED
from tools.tickets.phrasings import NAMES, QUESTIONS, phrase
from tools.tickets.tickets import LANGUAGES, Ticket, blur, made_up_word, make_ticket

Message = dict[str, str]

# request (with the wanted names in {names}), separator of the names, how the answer is laid out
LAYOUTS: dict[str, tuple[tuple[tuple[str, ...], Callable], ...]] = {
    "en": (
        (
            ("Give {names}, separated by commas.", "{names}, with commas between them.", "List in one line: {names}."),
            lambda n, v: ", ".join(v),
        ),
        (
            ("Give {names}, one per line.", "List {names} on separate lines.", "One line each: {names}."),
            lambda n, v: "\n".join(v),
        ),
        (
            ("Give {names} with labels.", "Label and value: {names}.", "Fill in {names}."),
            lambda n, v: "\n".join(f"{a}: {b}" for a, b in zip(n, v)),
        ),
        (
            ("Extract {names}.", "Extract the ticket: {names}.", "Pull out {names}."),
            lambda n, v: "; ".join(f"{a}: {b}" for a, b in zip(n, v)),
        ),
        (("Give {names} with bars between.", "{names}, with bars."), lambda n, v: " | ".join(v)),
        (
            ("Quote {names}.", "Give {names} in quotes, one per line.", "{names}, each in quotes."),
            lambda n, v: "\n".join(f'"{b}"' for b in v),
        ),
        (
            ("Write {names} as assignments.", "Assign {names}.", "{names} as assignments, please."),
            lambda n, v: ", ".join(f'{a} = "{b}"' for a, b in zip(n, v)),
        ),
        (
            ("Give {names} in brackets.", "{names}, with the labels in brackets.", "Bracket the labels: {names}."),
            lambda n, v: " ".join(f"[{a}] {b}" for a, b in zip(n, v)),
        ),
        (
            ("Mark up {names}.", "Give {names} with tags.", "{names} between tags."),
            lambda n, v: "".join(f"<{a}>{b}</{a}>" for a, b in zip(n, v)),
        ),
        (
            ("Give {names} as a list of pairs.", "Pair up {names}.", "{names} as pairs."),
            lambda n, v: "; ".join(f'("{a}", "{b}")' for a, b in zip(n, v)),
        ),
        (
            ("Give {names} with arrows.", "{names}, with arrows.", "Point from label to value: {names}."),
            lambda n, v: ", ".join(f"'{a}' -> '{b}'" for a, b in zip(n, v)),
        ),
    ),
    "zh": (
        (("请给出{names}，用逗号分开。", "{names}，逗号分隔。"), lambda n, v: "，".join(v)),
        (("请列出{names}，每行一个。", "分行写出{names}。"), lambda n, v: "\n".join(v)),
        (("请填写{names}。", "带标签列出{names}。"), lambda n, v: "\n".join(f"{a}：{b}" for a, b in zip(n, v))),
        (("提取{names}。", "提取工单：{names}。"), lambda n, v: "；".join(f"{a}：{b}" for a, b in zip(n, v))),
        (("请用引号写出{names}。", "{names}，加引号。"), lambda n, v: "\n".join(f'"{b}"' for b in v)),
        (
            ("请把{names}写成赋值。", "{names}，写成赋值。"),
            lambda n, v: ", ".join(f'{a} = "{b}"' for a, b in zip(n, v)),
        ),
        (("请用标签标出{names}。", "{names}，加标签。"), lambda n, v: "".join(f"<{a}>{b}</{a}>" for a, b in zip(n, v))),
        (("请成对列出{names}。", "{names}，成对。"), lambda n, v: "; ".join(f'("{a}", "{b}")' for a, b in zip(n, v))),
    ),
}


def question(rng: random.Random, language: str, field: str, held_out: bool) -> str:
    """One phrasing of the question for `field`."""
    return phrase(rng, QUESTIONS[language][field], held_out)


def several(rng: random.Random, ticket: Ticket, language: str) -> tuple[str, str]:
    """A request for two to five fields at once in plain text, and its answer."""
    fields = rng.sample(COPIED, rng.randint(2, 5)) if rng.random() < 0.6 else list(COPIED)
    names = [phrase(rng, NAMES[language][field], held_out=False) for field in fields]
    requests, layout = rng.choice(LAYOUTS[language])
    listed = ("、" if language == "zh" else ", ").join(names)
    return rng.choice(requests).format(names=listed), layout(names, [str(ticket.fields[field]) for field in fields])


def conversation(rng: random.Random, made_up: float = 0.0) -> list[Message]:
    """A ticket and two to seven questions about it with their answers, as chat messages (training side only).

    `made_up` as in `make_ticket`; questions then start or end with a made-up word now and then, too.
    """
    language = rng.choice(LANGUAGES)
    ticket = make_ticket(rng, language, held_out=False, made_up=made_up if rng.random() < 0.8 else 0.0)
    asked = language if rng.random() < 0.85 else rng.choice(LANGUAGES)
    fields = rng.sample(COPIED, rng.randint(2, 5))
    turns = [(blur(rng, question(rng, asked, f, False), asked, made_up / 4), str(ticket.fields[f])) for f in fields]
    turns += [several(rng, ticket, asked) for _ in range(rng.choice((1, 1, 2)))]
    turns = [(_around(rng, text, asked, made_up), answer) for text, answer in turns]
    rng.shuffle(turns)
    return dialogue(rng, ticket.text, turns, 0.3)


def dialogue(rng: random.Random, text: str, turns: list[tuple[str, str]], in_system: float) -> list[Message]:
    """Questions on a ticket's text with their answers as chat messages; the first stands before or behind the text, or
    in a system turn in a share `in_system` of cases."""
    (first, answer), *rest = turns
    shape = rng.random()
    if shape < in_system:
        opening = [{"role": "system", "content": first}, {"role": "user", "content": text}]
    elif shape < 0.8:
        opening = [{"role": "user", "content": f"{text}\n\n{first}"}]
    else:
        opening = [{"role": "user", "content": f"{first}\n\n{text}"}]
    messages = [*opening, {"role": "assistant", "content": answer}]
    for asked_next, answer in rest:
        messages += [{"role": "user", "content": asked_next}, {"role": "assistant", "content": answer}]
    return messages


def _around(rng: random.Random, text: str, language: str, made_up: float) -> str:
    """A request with one or two made-up words before or after it now and then: the rest must do."""
    space = "" if language == "zh" else " "
    before, after = (
        [made_up_word(rng, language) for _ in range(rng.choice((1, 1, 2)))] if rng.random() < made_up * share else []
        for share in (1.0, 0.4)
    )
    return space.join([*before, text, *after])


def held_out_question(rng: random.Random, language: str, field: str) -> dict:
    """One scored question from the held-out side: {"messages": [user], "answer": str, "language", "field"}."""
    ticket = make_ticket(rng, language, held_out=True)
    content = f"{ticket.text}\n\n{question(rng, language, field, held_out=True)}"
    return {
        "messages": [{"role": "user", "content": content}],
        "answer": str(ticket.fields[field]),
        "language": language,
        "field": field,
    }


def held_out_questions(count: int) -> list[dict]:
    """The scored questions: languages and fields in equal parts, always the same ones."""
    rng = random.Random("questions")
    return [held_out_question(rng, LANGUAGES[i % 2], COPIED[i // 2 % len(COPIED)]) for i in range(count)]
