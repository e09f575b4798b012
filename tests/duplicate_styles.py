"""More labelled data for near duplicates, in other styles than `duplicate_sets`: letters to a caretaker with a JSON of their
own, headlines before a long instruction, numbered passages that cite, three schemas after the question, function calls as
text in a chat. The small changes are others, too: contractions, openings, articles left out, neighbouring keys.

Scored once, on seeds 1 and 2, before any rule was looked at: precision 1.00 in each kind, recall 0.93 (tickets), 0.65
(classification), 0.73 (retrieval), 0.96 (SQL) and 0.75 (tools). The kinds of misses were mended afterwards: openings and
closings, articles, phrases for a word, synonyms.
"""

import itertools
import json
import random

PLACES = ("Harlow", "Tilden", "Marwick", "Ostby", "Quill Bay", "Fenmoor", "Lindhurst", "Cora Falls")
NAMES = ("Lena Ort", "Lana Ort", "Piet Vos", "Amara Obi", "Jun Seto", "Ruth Adler", "Milo Graf", "Zoe Hale")
CHANGES = {
    "contraction": (
        ("is not", "isn't"), ("does not", "doesn't"), ("do not", "don't"), ("cannot", "can't"), ("What is", "What's"), ("I am", "I'm"), ("I have", "I've"),
        ("I would", "I'd"), ("it is", "it's"), ("will not", "won't"), ("Where is", "Where's"), ("has not", "hasn't"), ("There is", "There's"),
    ),
    "synonym": (
        ("flat", "apartment"), ("broken", "out of order"), ("begin", "start"), ("quickly", "fast"), ("film", "movie"), ("near", "close to"), ("repair", "fix"),
        ("people", "persons"), ("wrote", "authored"), ("whole", "entire"), ("reveal", "disclose"), ("rise", "climb"), ("fall", "drop"), ("illness", "disease"),
        ("trip", "journey"), ("cost", "price"), ("autumn", "fall"), ("Display", "Show"), ("List", "Enumerate"), ("Find", "Get"), ("each", "every"), ("holds", "contains"),
        ("Book", "Reserve"), ("Remind", "Notify"), ("tell", "inform"), ("located", "situated"), ("biggest", "largest"), ("car", "automobile"), ("assist", "help"),
    ),
    "opening": (
        ("", "So, "), ("", "Well, "), ("", "Okay, "), ("", "Quick question: "), ("", "Sorry to bother you, "), ("", "Good afternoon, "), ("", "Hiya, "), ("", "By the way, "),
    ),
    "closing": (
        (" Thanks a bunch!",), (" TIA",), (" Much obliged.",), (" Have a nice day!",), (" I'd appreciate your help.",), (" Thx",), (" :)",), ("\n\nThank you for your time!",),
    ),
    "zh": (
        ("你好，", ""), ("您好！", ""), ("请问，", ""), ("", "辛苦了！"), ("", "多谢。"), ("", "拜托了！"), ("", "～"), ("", "非常感谢！"),
    ),
}  # fmt: skip
NEIGHBOURS = {"a": "s", "e": "r", "i": "o", "o": "p", "t": "y", "n": "m", "r": "t", "s": "d", "l": "k", "c": "v", "u": "i", "h": "g", "d": "f"}  # fmt: skip


def tickets(rng: random.Random):
    """Letters to a caretaker; the answer holds what stands in the letter, under keys of its own."""
    things = {
        "en": ("boiler", "lift", "window handle", "door bell", "radiator", "tap"),
        "zh": ("热水器", "电梯", "窗户把手", "门铃", "暖气", "水龙头"),
    }
    faults = {"en": ("leaks", "does not close", "makes noise", "is broken"), "zh": ("漏水", "关不上", "有噪音", "坏了")}
    letters = {
        "en": ("Dear caretaker,\nin flat {flat} the {thing} {fault} since {day}. I am at home after {hour}.\n{name}",
               "{name} here from flat {flat}: our {thing} {fault}. It began on {day}. You can come any day from {hour}.",
               "RE: {thing}\nit {fault} again, first seen {day}, nobody came last time. Flat {flat}, {name}, ring after {hour}"),
        "zh": ("我是{flat}号房的{name}，从{day}开始{thing}{fault}，我{hour}以后在家。", "{name}报修：{thing}{fault}，房间{flat}，{day}发现的，请在{hour}之后过来。"),
    }  # fmt: skip
    for _ in range(220):
        language = rng.choice(("en", "en", "zh"))
        values = {"flat": f"{rng.randint(1, 9)}{rng.choice('ABCD')}", "name": rng.choice(NAMES), "day": rng.choice(("Monday", "12 May", "21 May", "Easter", "last week")), "hour": f"{rng.randint(7, 19)}:{rng.choice(('00', '30'))}"}  # fmt: skip
        values |= {"thing": rng.choice(things[language]), "fault": rng.choice(faults[language])}
        answer = {key: values[key] for key in ("flat", "thing", "fault", "name", "hour")}
        yield "", rng.choice(letters[language]).format(**values), "", json.dumps(answer, ensure_ascii=False)


def classification(rng: random.Random):
    """Headlines, and below each the same long instruction; rows of one label that say the opposite of one another."""
    below = (
        "\n\nThe line above is a headline from a local paper. Into which part of the paper does it go? Take the part whose readers would miss it most; where two fit, "
        "take the narrower one; a person's fame does not matter, nor does the length of the line. Parts: A business, B sport, C science, D culture. Reply with the letter."
    )
    heads = (
        ("Shares of {firm} rise after the yearly report", "A"), ("Shares of {firm} fall after the yearly report", "A"), ("{firm} to hire {n} people near {place}", "A"),
        ("{firm} to dismiss {n} people near {place}", "A"), ("{firm} will not sell its plant in {place}", "A"), ("{firm} will sell its plant in {place}", "A"),
        ("{place} beats {other} in the final", "B"), ("{place} draws with {other} in the final", "B"), ("Coach of {place} leaves before the season", "B"), ("Coach of {place} leaves after the season", "B"),
        ("Runner from {place} wins bronze", "B"), ("Runner from {place} wins silver", "B"), ("Old bones found near {place} puzzle experts", "C"), ("Old coins found near {place} puzzle experts", "C"),
        ("{n} frogs counted in the ponds of {place}", "C"), ("Study: illness spreads quickly in {place}", "C"), ("Study: illness spreads slowly in {place}", "C"),
        ("Museum of {place} opens its cellar", "D"), ("Museum of {place} closes its cellar", "D"), ("Whole film shot in one night in {place}", "D"), ("{place} choir sings with {other} choir", "D"),
    )  # fmt: skip
    firms = ("Nordik", "Nordak", "Alba Foods", "Tessel Bank", "Orro")
    for text, label in heads:
        for firm, place, n in itertools.product(firms, PLACES, (12, 21, 300)):
            other = PLACES[(PLACES.index(place) + 3) % len(PLACES)]
            yield "", text.format(firm=firm, place=place, other=other, n=n), below, label


def retrieval(rng: random.Random):
    """A question, then numbered passages that many questions share; answers are sentences that cite, or say that it is not there."""
    for place, river in zip(PLACES, ("Ane", "Bole", "Cray", "Dunn", "Eft", "Fyle", "Gour", "Hess")):
        year, rise, who = rng.randint(1200, 1900), rng.randint(3, 60), rng.choice(NAMES)
        passages = (
            f"\n\nPassages:\n[1] {place} lies on the {river}, {rise} km from the coast; its harbour holds {rise * 3} boats.\n[2] The castle of {place} was built in {year} and burnt "
            f"in {year + 80}. {who} wrote its history.\n[3] A market is held each Friday. Parking is free, dogs are welcome, and the ferry does not run in autumn.\n\nUse only the passages."
        )  # fmt: skip
        known = (
            ("When was the castle of {} built?", f"It was built in {year} [2]."), ("When did the castle of {} burn?", f"It burnt in {year + 80} [2]."), ("On which river is {} located?", f"It lies on the {river} [1]."),
            ("How far is {} from the coast?", f"{place} is {rise} km from the coast [1]."), ("How many boats fit into the harbour of {}?", f"{rise * 3} boats fit into it [1]."), ("Who wrote the history of the castle of {}?", f"{who} wrote it [2]."),
            ("Is parking free in {}?", "Yes [3]."), ("Are dogs welcome in {}?", "Yes [3]."), ("Does {} have a market?", "Yes [3]."), ("Is there a ferry in {} in spring?", "Yes [3]."), ("Does {} have a castle?", "Yes [2]."),
        )  # fmt: skip
        unknown = ("Who is the mayor of {}?", "What is the biggest church of {}?", "How many people live in {}?", "Does a train stop near {}?", "Who was the first owner of the castle of {}?", "Who was the last owner of the castle of {}?",
                   "What does a trip to {} cost?", "What does a trip from {} cost?", "Where is the library of {}?")  # fmt: skip
        for question, answer in (*known, *((question, "The passages do not say.") for question in unknown)):
            yield "", question.format(place), passages, answer


def sql(rng: random.Random):
    """A question and below it one of three schemas."""
    schemas = {
        "pets": "pets(pet_id, owner_id, kind, weight, age)\nowners(owner_id, surname, town)", "lots": "lots(lot_id, seller_id, title, bid, hours)\nsellers(seller_id, handle, rating)",
        "trips": "trips(trip_id, driver_id, km, tolls, month)\ndrivers(driver_id, surname, licence)",
    }  # fmt: skip
    joins = {"pets": ("owners", "owner_id"), "lots": ("sellers", "seller_id"), "trips": ("drivers", "driver_id")}
    asked = (
        ("Display the {column} of each of the {main}, smallest first.", "SELECT {column} FROM {main} ORDER BY {column} ASC"), ("Display the {column} of each of the {main}, greatest first.", "SELECT {column} FROM {main} ORDER BY {column} DESC"),
        ("List all {side} that have {main} with a {column} above {n}.", "SELECT DISTINCT s.* FROM {side} s JOIN {main} m ON m.{key} = s.{key} WHERE m.{column} > {n}"),
        ("List all {side} that have {main} with a {column} below {n}.", "SELECT DISTINCT s.* FROM {side} s JOIN {main} m ON m.{key} = s.{key} WHERE m.{column} < {n}"),
        ("List all {side} that do not have {main}.", "SELECT * FROM {side} WHERE {key} NOT IN (SELECT {key} FROM {main})"), ("What is the sum of {column} over all {main}?", "SELECT SUM({column}) FROM {main}"),
        ("What is the mean of {column} over all {main}?", "SELECT AVG({column}) FROM {main}"), ("Find the {main} whose {column} is between {n} and {m}.", "SELECT * FROM {main} WHERE {column} BETWEEN {n} AND {m}"),
        ("Which of the {side} have more than {n} {main}?", "SELECT {key} FROM {main} GROUP BY {key} HAVING COUNT(*) > {n}"), ("Find the {main} whose {column} is not {n}.", "SELECT * FROM {main} WHERE {column} <> {n}"),
    )  # fmt: skip
    for (main, schema), (text, query) in itertools.product(schemas.items(), asked):
        side, key = joins[main]
        for column, n in itertools.product(schema.split(")")[0].split(", ")[2:], (7, 17, 70)):
            values = {"main": main, "side": side, "key": key, "column": column, "n": n, "m": n + 5}
            yield (
                "",
                text.format(**values),
                f"\n\nDatabase:\n{schema}\n\nWrite SQLite. Output the query only, on one line.",
                query.format(**values),
            )


def tools(rng: random.Random):
    """A chat whose system turn lists functions; the answer calls one as text, or declines in one sentence for many questions."""
    listed = "You are a helpful assistant with access to these functions. Use them if required -\n" + json.dumps(
        [{"name": name, "description": about, "parameters": {"type": "object", "properties": {key: {"type": "string"} for key in keys}}} for name, about, *keys in
         (("book_room", "Book a hotel room", "town", "nights"), ("remind", "Remind the user", "about", "time"), ("exchange_rate", "Rate of two currencies", "base", "target"), ("lights_out", "Switch everything off"))])  # fmt: skip
    declined = (
        "I'm sorry, but none of my functions can do that. I can book rooms, remind you and look up exchange rates."
    )
    refused = ("Order a pizza to {place}", "Order a salad to {place}", "Write a poem about {place}", "Who won the election in {place}?", "Who lost the election in {place}?", "Rent a car in {place}",
               "What is the weather in {place}?", "Find a film about {place}", "Tell me a joke about {place}", "Call {name}", "I have to tell {name} that it is late", "I have to tell {name} that it is early")  # fmt: skip
    for text, place, name in itertools.product(refused, PLACES, NAMES):
        yield listed, text.format(place=place, name=name), "", declined
    for place, nights in itertools.product(PLACES, (2, 3, 12)):
        yield listed, f"Book a room in {place} for {nights} nights", "", f'<functioncall> {{"name": "book_room", "arguments": {{"town": "{place}", "nights": "{nights}"}}}}'  # fmt: skip
    for about, hour in itertools.product(
        ("the car repair", "the dentist", "my whole order"), ("7:15", "17:15", "9 pm")
    ):
        yield listed, f"Remind me of {about} at {hour}", "", f'<functioncall> {{"name": "remind", "arguments": {{"about": "{about}", "time": "{hour}"}}}}'  # fmt: skip
    for text in ("Lights out", "I am leaving, switch all of it off", "We go to bed now", "Nobody is at home any more"):
        yield listed, text, "", '<functioncall> {"name": "lights_out", "arguments": {}}'


MAKERS = {"tickets": tickets, "classification": classification, "retrieval": retrieval, "sql": sql, "tools": tools}


def styled(kind: str, seed: int, count: int = 220, again: float = 0.25) -> tuple[list[dict], list[bool]]:
    """Rows of `kind` in a random order, and for each whether an earlier one says the same."""
    rng = random.Random(f"{kind} in another style {seed}")
    made = list({row[:3]: row for row in MAKERS[kind](rng)}.values())
    rng.shuffle(made)
    placed = [(rng.random(), row, False) for row in made[:count]]
    for at, (before, text, after, answer), _ in list(placed):
        if rng.random() < again:
            placed.append(
                (at + 1e-9 + rng.random() * (1 - at), (before, _changed(text, answer, rng), after, answer), True)
            )
    placed.sort(key=lambda item: item[0])
    return [_row(kind, *row) for _, row, _ in placed], [same for _, _, same in placed]


def _row(kind: str, before: str, text: str, after: str, answer: str) -> dict:
    turns = [("system", before)] * (kind == "tools") + [("user", text + after), ("assistant", answer)]
    if kind in ("tickets", "tools"):
        return {"messages": [{"role": role, "content": content} for role, content in turns]}
    return {"instruction": text + after, "input": "", "output": answer}


def _changed(text: str, answer: str, rng: random.Random) -> str:
    """`text` with one or two small changes; words that the answer quotes stay."""
    kinds = (_layout, _chinese) if not text.isascii() else (_layout, _slip, _article, *itertools.repeat(_listed, 4))
    result = text
    while result == text:
        for change in rng.sample(kinds, rng.choice((1, 1, 2))):
            result = change(result, answer, rng)
    return result


def _listed(text: str, answer: str, rng: random.Random) -> str:
    kind = rng.choice(("contraction", "synonym", "opening", "closing"))
    if kind == "closing":
        return text + rng.choice(CHANGES[kind])[0]
    if kind == "opening":
        return rng.choice(CHANGES[kind])[1] + text
    fit = [(one, other) for one, other in CHANGES[kind] if f" {one} " in f" {text} " and one not in answer]
    one, other = rng.choice(fit) if fit else ("", "")
    return f" {text} ".replace(f" {one} ", f" {other} ", 1)[1:-1] if one else text


def _chinese(text: str, answer: str, rng: random.Random) -> str:
    before, after = rng.choice(CHANGES["zh"])
    return before + text + after


def _layout(text: str, answer: str, rng: random.Random) -> str:
    lower = text if answer[:1] == "{" else text.lower()
    return rng.choice(
        (
            lower,
            text.rstrip(".?。"),
            text + "!",
            text.replace("?", " ??"),
            text.replace(" ", "\n", 1),
            text.replace(", ", " , "),
            text.replace("：", ":").replace("，", ","),
        )
    )


def _slip(text: str, answer: str, rng: random.Random) -> str:
    """A neighbouring key, a letter twice, or two letters in the wrong order."""
    words = text.split(" ")
    fit = [i for i, word in enumerate(words) if word.isalpha() and word.islower() and len(word) > 4 and word not in answer]  # fmt: skip
    if not fit:
        return text
    i = rng.choice(fit)
    word, at = words[i], rng.randrange(1, len(words[i]) - 1)
    wrong = (word[:at] + NEIGHBOURS.get(word[at], word[at]) + word[at + 1 :], word[:at] + word[at] + word[at:], word[:at] + word[at + 1] + word[at] + word[at + 2 :])  # fmt: skip
    words[i] = rng.choice(wrong)
    return " ".join(words)


def _article(text: str, answer: str, rng: random.Random) -> str:
    return text.replace(" the ", " ", 1) if " the " in text else text.replace(" a ", " ", 1)
