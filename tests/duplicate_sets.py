"""Labelled data for near duplicates, five kinds, from a seed: rows of one template that say different things, and rows
sent twice with the small changes that real data has. Three worlds without a common template. The rules were written on
the first; the others were scored when the rules were done, and the kinds of misses seen there were mended afterwards, so
none of them is unseen now.
"""

import itertools
import json
import random
import string
from dataclasses import dataclass

from helpers.chats import task_messages
from tools.tickets.tickets import make_ticket

KINDS = ("tickets", "classification", "retrieval", "sql", "tools")


@dataclass(frozen=True)
class World:
    """What the rows of one side are made of. `swaps`: words of the templates and what people write instead."""

    held_out: bool
    instruction: str
    labels: tuple[str, ...]
    things: tuple[str, ...]
    reviews: tuple[tuple[str, int], ...]
    sheet: str
    facts: tuple[tuple[str, str, tuple[str, ...]], ...]
    ask: tuple[str, ...]
    schema: str
    tables: dict[str, tuple[str, ...]]
    queries: tuple[tuple[str, str], ...]
    tools: tuple[str, ...]
    calls: tuple[tuple[str, str, str], ...]
    swaps: tuple[tuple[str, str], ...]
    courtesy: tuple[str, ...]


FIRST = World(
    held_out=False,
    instruction=(
        "You rate product reviews for a shop. Read the review with care, weigh what the customer praises against what "
        "the customer complains about, do not be misled by irony, and reply with a single word from this list and with "
        "nothing else: positive, negative, mixed."
    ),
    labels=("positive", "negative", "mixed"),
    things=("lamp", "kettle", "chair", "desk", "rug", "mirror", "shelf", "blender", "tent", "backpack", "fan", "clock"),
    reviews=(
        ("i love this {} and use it a lot", 0), ("i hate this {} and never use it", 1), ("the {} broke on day one", 1),
        ("a great {} at a fair price", 0), ("the {} is fine but the price is too high", 2), ("my new {} works well", 0),
        ("my new {} does not work at all", 1), ("good {}, bad packaging", 2), ("bought a {} for my mother and she is happy with it", 0),
        ("the {} arrived after 3 days with a big scratch", 1), ("the {} arrived after 9 days with a big scratch", 1),
        ("this {} looks exactly like in the picture", 0), ("this {} looks nothing like the picture", 1), ("i would buy this {} again", 0),
        ("i would not buy this {} again", 1), ("nice {} but hard to clean", 2), ("easy to clean {}, ugly colour though", 2),
    ),
    sheet=(
        "Data sheet of the {thing}. {facts} Sizes are given in centimetres and weights in kilograms. This sheet replaces "
        "all earlier ones; the terms of sale and the rules for returns are found in the catalogue."
    ),
    facts=(
        ("colour", "The colour of the {} is {}.", ("red", "blue", "black", "white")),
        ("colour of the lid", "The colour of the lid of the {} is {}.", ("red", "blue", "black", "white")),
        ("material", "The {} is made of {}.", ("steel", "oak", "glass", "cotton")),
        ("country of origin", "The {} is made in {}.", ("Poland", "Mexico", "India", "Portugal")),
        ("guarantee", "The guarantee of the {} is {}.", ("two years", "five years", "one year")),
        ("power source", "The power source of the {} is {}.", ("a battery", "mains power", "solar cells")),
    ),
    ask=("What is the {fact} of the {thing}?", "Tell me the {fact} of the {thing}.", "Which {fact} does the {thing} have?"),
    schema=(
        "You write SQL for PostgreSQL. The tables are:\nCREATE TABLE customer (id INTEGER PRIMARY KEY, name TEXT, city TEXT, country TEXT, "
        "age INTEGER);\nCREATE TABLE orders (id INTEGER PRIMARY KEY, total REAL, status TEXT, year INTEGER);\nCREATE TABLE item (id INTEGER "
        "PRIMARY KEY, product TEXT, price REAL, amount INTEGER);\nUse only these tables and columns, and write one statement."
    ),
    tables={"customer": ("name", "city", "country", "age"), "orders": ("total", "status", "year"), "item": ("product", "price", "amount")},
    queries=(
        ("how many rows of {table} are there", "SELECT count(*) FROM {table}"), ("show the {column} of every {table}", "SELECT {column} FROM {table}"),
        ("what is the largest {column} of {table}", "SELECT max({column}) FROM {table}"), ("what is the smallest {column} of {table}", "SELECT min({column}) FROM {table}"),
        ("show {table} where {column} is over {n}", "SELECT * FROM {table} WHERE {column} > {n}"), ("show {table} where {column} is under {n}", "SELECT * FROM {table} WHERE {column} < {n}"),
        ("show {table} where {column} is not empty", "SELECT * FROM {table} WHERE {column} IS NOT NULL"), ("show {table} where {column} is empty", "SELECT * FROM {table} WHERE {column} IS NULL"),
        ("give me all {table} sorted by {column}", "SELECT * FROM {table} ORDER BY {column}"), ("count {table} for each {column}", "SELECT {column}, count(*) FROM {table} GROUP BY {column}"),
    ),
    tools=("get_weather", "get_time", "set_alarm", "send_mail", "book_table", "list_files"),
    calls=(
        ("what is the weather in {place} {day}", "get_weather", "place day"), ("will it rain in {place} {day}", "get_weather", "place day"),
        ("what time is it", "get_time", ""), ("is it still morning", "get_time", ""), ("wake me at {hour} {day}", "set_alarm", "hour day"),
        ("mail {person} that i am late", "send_mail", "person"), ("mail {person} that i am not late", "send_mail", "person"),
        ("book a table for {n} in {place} {day}", "book_table", "n place day"), ("show me my files", "list_files", ""), ("do i have any files left", "list_files", ""),
    ),
    swaps=(
        ("big", "large"), ("great", "excellent"), ("buy", "purchase"), ("bought", "purchased"), ("show", "display"), ("happy", "glad"),
        ("give me", "get me"), ("picture", "photo"), ("Tell me", "Give me"), ("largest", "biggest"), ("smallest", "lowest"), ("hard", "difficult"), ("nice", "lovely"),
    ),
    courtesy=("{} Thanks!", "{} Thank you very much.", "Hi! {}", "Please: {}", "{} thanks in advance", "Hello, {}"),
)  # fmt: skip

SECOND = World(
    held_out=True,
    instruction=(
        "Task: sort incoming messages of a bank. Each message was written by a person in the app. Decide which desk has to "
        "answer it. Consider only what the person wants done now, not what happened in the past, and print the name of the "
        "desk: CARDS, LOANS or ACCOUNTS. Print the name alone, in capital letters.\n\nMessage:"
    ),
    labels=("CARDS", "LOANS", "ACCOUNTS"),
    things=("mortgage", "car", "boat", "studio", "bakery", "garage", "scooter", "piano", "roof", "farm", "kitchen", "garden"),
    reviews=(
        ("How do I finance a {} over ten years", 1), ("Can I pay back the money for my {} early", 1), ("I do not want to pay back the money for my {} early", 1),
        ("My card was refused when I paid for the {}", 0), ("My card was charged 20 euros for the {}", 0), ("My card was charged 80 euros for the {}", 0),
        ("Please block the card that I used for the {}", 0), ("Do not block the card that I used for the {}", 0), ("Open a savings account for a {}", 2),
        ("Close the savings account for the {}", 2), ("Which rate do I get for a {}", 1), ("Move everything that I saved for a {} to my daughter", 2),
        ("Someone copied my card at the shop that sold me the {}", 0), ("I need a statement of what I spent on the {} this year", 2), ("Could I borrow more for the {}", 1),
    ),
    sheet=(
        "{thing} is a town in the north of the province. {facts} The train stops there twice an hour, and a ferry leaves in "
        "summer. Visitors find a map at the station. The town hall is open on weekdays, and the archive by appointment."
    ),
    facts=(
        ("mayor", "The mayor of {} is {}.", ("Ida Falk", "Tom Ree", "Ana Cruz", "Leo Marsh")),
        ("largest employer", "The largest employer of {} is {}.", ("a dairy", "a shipyard", "a paper mill")),
        ("second largest employer", "The second largest employer of {} is {}.", ("a dairy", "a shipyard", "a paper mill")),
        ("oldest building", "The oldest building of {} is {}.", ("a chapel", "a mill", "a tower")),
        ("patron saint", "The patron saint of {} is {}.", ("Saint Olaf", "Saint Anne", "Saint Giles")),
        ("main dish", "The main dish of {} is {}.", ("herring", "lamb stew", "potato pie")),
    ),
    ask=("Name the {fact} of {thing}.", "According to the text, what is the {fact} of {thing}?", "Who or what is the {fact} of {thing}?"),
    schema=(
        "### SQLite schema\nsong(song_id, title, length, plays, genre)\nartist(artist_id, stage_name, born, fans)\nvenue(venue_id, street, seats, opened)\n"
        "### Rules\nAnswer with a query and no comment. Names are case sensitive. Never join what need not be joined.\n### Request\n"
    ),
    tables={"song": ("title", "length", "plays", "genre"), "artist": ("stage_name", "born", "fans"), "venue": ("street", "seats", "opened")},
    queries=(
        ("Return each {column} in {table} once.", "SELECT DISTINCT {column} FROM {table};"), ("Average {column} in {table}?", "SELECT AVG({column}) FROM {table};"),
        ("Total {column} in {table}?", "SELECT SUM({column}) FROM {table};"), ("Which {table} has the highest {column}?", "SELECT * FROM {table} ORDER BY {column} DESC LIMIT 1;"),
        ("Which {table} has the lowest {column}?", "SELECT * FROM {table} ORDER BY {column} ASC LIMIT 1;"), ("Find the first {n} of {table} by {column}.", "SELECT * FROM {table} ORDER BY {column} LIMIT {n};"),
        ("Find every {table} whose {column} is at least {n}.", "SELECT * FROM {table} WHERE {column} >= {n};"), ("Find every {table} whose {column} is at most {n}.", "SELECT * FROM {table} WHERE {column} <= {n};"),
        ("Is there a {table} with {column} equal to {n}?", "SELECT EXISTS(SELECT 1 FROM {table} WHERE {column} = {n});"),
    ),
    tools=("search_flights", "play_music", "turn_lights", "convert", "add_note", "stop_all"),
    calls=(
        ("Find me a flight to {place} for {day}", "search_flights", "place day"), ("Play something by {person} in the living room", "play_music", "person"),
        ("Turn the lights on until {hour}", "turn_lights", "hour"), ("Turn the lights off until {hour}", "turn_lights_off", "hour"), ("How much is {n} dollars in euros", "convert", "n"),
        ("Write down that {person} comes {day}", "add_note", "person day"), ("Write down that {person} does not come {day}", "add_note", "person day"),
        ("Stop everything", "stop_all", ""), ("Quiet now", "stop_all", ""), ("Pause what is running in the house", "stop_all", ""),
    ),
    swaps=(
        ("Find", "Locate"), ("Can", "Could"), ("need", "require"), ("shop", "store"), ("Total", "Overall"), ("Which", "What"), ("Write down", "Note down"),
        ("Return", "Give"), ("early", "ahead of time"), ("everything", "all"), ("Someone", "Somebody"), ("According to", "Going by"), ("Begin", "Start"),
    ),
    courtesy=("{} Cheers!", "{} Many thanks", "Hey there, {}", "{} please", "Dear team, {} Kind regards", "Good morning. {}"),
)  # fmt: skip


HELD_OUT = World(
    held_out=True,
    instruction=(
        "### Instruction\nBelow is what a patient wrote to a practice. Say how soon the practice has to react. Judge by the symptoms "
        "alone, assume an adult without known illnesses, and if two answers seem possible take the more careful one. Possible "
        "answers: now / this week / no hurry\n### Input\n"
    ),
    labels=("now", "this week", "no hurry"),
    things=("arm", "knee", "ear", "back", "foot", "thumb", "hip", "shoulder", "neck", "elbow", "wrist", "ankle"),
    reviews=(
        ("my {} has been sore since last month", 2), ("my {} is red and it hurts when I touch it", 1), ("my {} is no longer red and it hurts less", 2),
        ("I fell on my {} an hour ago and cannot move it", 0), ("I fell on my {} an hour ago but can move it", 1), ("can the doctor look at a spot on my {} when there is time", 2),
        ("a dog bit my {} and it bleeds", 0), ("a dog bit my {} 2 years ago and there is a scar", 2), ("a dog bit my {} 6 years ago and there is a scar", 2),
        ("the cream for my {} helps, do I need to continue", 2), ("the cream for my {} does not help, do I need to continue", 1), ("since the operation my {} gets big and hot", 0),
        ("my {} itches a little after the trip", 2), ("which exercise is good for a stiff {}", 2), ("I want to show a swollen {} to somebody soon", 1),
    ),
    sheet=(
        "{thing} moth (field guide, page 12). {facts} Adults come to light. Photographs are by the authors; drawings are from the second "
        "edition. Records may be sent to the society, which checks them each winter and prints a map."
    ),
    facts=(
        ("wing span", "The wing span of the {} moth is {}.", ("20 mm", "28 mm", "35 mm")),
        ("food plant", "The food plant of the {} moth is {}.", ("willow", "birch", "nettle")),
        ("winter shelter", "The winter shelter of the {} moth is {}.", ("bark", "leaf litter", "soil")),
        ("first author", "The first author on the {} moth is {}.", ("Linnaeus", "Huebner", "Esper")),
        ("second author", "The second author on the {} moth is {}.", ("Linnaeus", "Huebner", "Esper")),
        ("habitat", "The habitat of the {} moth is {}.", ("fens", "heath", "gardens")),
    ),
    ask=("Give the {fact} of the {thing} moth", "I need the {fact} of the {thing} moth", "state the {fact} for the {thing} moth"),
    schema=(
        "-- Dialect: MySQL 8\nCREATE TABLE flights (flight_no VARCHAR(8), seats INT, delay INT, gate VARCHAR(4));\nCREATE TABLE crews (badge INT, "
        "hired DATE, salary DECIMAL(9,2), base VARCHAR(3));\nCREATE TABLE meals (code INT, calories INT, cost DECIMAL(5,2));\n-- Return one "
        "query, no explanation.\n-- Question: "
    ),
    tables={"flights": ("seats", "delay", "gate"), "crews": ("hired", "salary", "base"), "meals": ("calories", "cost")},
    queries=(
        ("How many different {column} values do the {table} have?", "SELECT COUNT(DISTINCT {column}) FROM {table}"), ("Mean {column} over all {table}", "SELECT AVG({column}) FROM {table}"),
        ("Sort {table} from the highest to the lowest {column}", "SELECT * FROM {table} ORDER BY {column} DESC"), ("Sort {table} from the lowest to the highest {column}", "SELECT * FROM {table} ORDER BY {column}"),
        ("List {table} whose {column} exceeds {n}", "SELECT * FROM {table} WHERE {column} > {n}"), ("List {table} whose {column} does not exceed {n}", "SELECT * FROM {table} WHERE {column} <= {n}"),
        ("Remove {table} with a {column} of {n}", "DELETE FROM {table} WHERE {column} = {n}"), ("Count {table} without {column}", "SELECT COUNT(*) FROM {table} WHERE {column} IS NULL"),
        ("Count {table} with {column}", "SELECT COUNT(*) FROM {table} WHERE {column} IS NOT NULL"),
    ),
    tools=("track_parcel", "start_timer", "order_pizza", "read_news", "lock_door", "reset"),
    calls=(
        ("where is the parcel from {place} that left {day}", "track_parcel", "place day"), ("has the parcel from {place} that left {day} reached customs", "track_parcel", "place day"),
        ("start a timer that rings at {hour}", "start_timer", "hour"), ("order {n} pizzas to the office in {place}", "order_pizza", "n place"),
        ("read me the news about {place} from {day}", "read_news", "place day"), ("lock the door when {person} is in", "lock_door", "person"),
        ("do not lock the door when {person} is in", "unlock_door", "person"), ("begin from scratch", "reset", ""), ("forget all that we did", "reset", ""), ("erase this session", "reset", ""),
    ),
    swaps=(
        ("sore", "painful"), ("doctor", "physician"), ("trip", "journey"), ("somebody", "someone"), ("big", "large"), ("begin", "start"), ("start", "begin"),
        ("Give", "Provide"), ("need", "require"), ("List", "Show"), ("Remove", "Delete"), ("different", "distinct"), ("reached", "arrived at"), ("Mean", "Average"),
        ("parcel", "package"), ("show", "present"), ("good", "suitable"),
    ),
    courtesy=("{}, thank you", "{}\n\nBest wishes", "Hello everyone, {}", "{} pls", "Good evening, {}", "{} - thanks so much!", "Could you tell me please: {}", "{} Thanks a lot for your help."),
)  # fmt: skip


def labelled(
    kind: str, world: World, seed: int, count: int = 240, again: float = 0.25
) -> tuple[list[dict], list[bool]]:
    """Rows of `kind` in a random order, and for each whether an earlier one says the same."""
    rng = random.Random(f"{kind} {seed}")
    originals = _tickets(world, rng, count) if kind == "tickets" else _unlike(_GENERATORS[kind](world, rng), count, rng)
    placed = [(rng.random(), (before, text, after, answer), False) for before, text, after, answer in originals]
    for at, (before, text, after, answer), _ in list(placed):
        if rng.random() < again:
            placed.append(
                (at + 1e-9 + rng.random() * (1 - at), (before, _changed(text, answer, world, rng), after, answer), True)
            )
    placed.sort(key=lambda item: item[0])
    rows = [{"messages": task_messages(text, json.loads(answer))} if kind == "tickets" else {"prompt": before + text + after, "completion": answer}
            for _, (before, text, after, answer), _ in placed]  # fmt: skip
    return rows, [same for _, _, same in placed]


def _unlike(made, count: int, rng: random.Random) -> list[tuple[str, str, str, str]]:
    """`count` rows whose own text is not that of another."""
    rows = list({(row[0] + row[1] + row[2]).lower(): row for row in made}.values())
    rng.shuffle(rows)
    return rows[:count]


def _tickets(world: World, rng: random.Random, count: int):
    tickets = (make_ticket(rng, rng.choice(("en", "zh")), held_out=world.held_out) for _ in range(count))
    learned = {"category": "K2", "priority": "P2"}  # the same for all, so that they tell no two apart
    answers = ((ticket.text, json.dumps(ticket.fields | learned, ensure_ascii=False)) for ticket in tickets)
    return [("", text, "", answer) for text, answer in answers]


def _classification(world: World, rng: random.Random):
    for (review, label), thing in itertools.product(world.reviews, world.things):
        yield world.instruction + "\n\n", review.format(thing), "", world.labels[label]


def _retrieval(world: World, rng: random.Random):
    things = [thing.capitalize() + "by" if world.held_out else thing for thing in world.things]
    for thing in things:
        values = {name: rng.choice(choices) for name, _, choices in world.facts}
        context = world.sheet.format(
            thing=thing, facts=" ".join(text.format(thing, values[name]) for name, text, _ in world.facts)
        )
        asked = rng.choice(world.ask)
        for name, value in values.items():
            yield context + "\n\n", asked.format(fact=name, thing=thing), "", value
            yield context + "\n\n", f"Is the {name} of {thing} {value}?", "", "yes"
            yield context + "\n\n", f"Does anybody know the {name} of {thing}?", "", "yes"


def _sql(world: World, rng: random.Random):
    for (question, query), (table, columns) in itertools.product(world.queries, world.tables.items()):
        for column, n in itertools.product(columns, rng.sample(range(2, 90), 3)):
            values = {"table": table, "column": column, "n": n}
            yield world.schema + "\n", question.format(**values), "", query.format(**values)


def _tools(world: World, rng: random.Random):
    listed = json.dumps([{"type": "function", "function": {"name": name, "description": f"Call this to {name.replace('_', ' ')} for the user, and for nothing else.", "parameters": {"type": "object", "properties": {"place": {"type": "string"}, "day": {"type": "string"}, "n": {"type": "integer"}}}}} for name in world.tools])  # fmt: skip
    slots = {"place": ("Oslo", "Lima", "Cairo", "Osaka", "Porto"), "day": ("today", "tomorrow", "on Friday", "on Sunday"), "hour": ("6:30", "7:15", "22:00"), "person": ("Mara", "Ivan", "Chen", "Noor"), "n": ("2", "3", "5", "12")}  # fmt: skip
    for text, name, wanted in world.calls:
        for values in itertools.product(*(slots[slot] for slot in wanted.split())):
            filled = dict(zip(wanted.split(), values))
            yield (
                f"Tools: {listed}\n\nUser: ",
                text.format(**filled),
                "",
                json.dumps({"name": name, "arguments": filled}),
            )


_GENERATORS = {"classification": _classification, "retrieval": _retrieval, "sql": _sql, "tools": _tools}


def _changed(text: str, answer: str, world: World, rng: random.Random) -> str:
    """`text` with one or two of the changes that real data has. Letters of what the answer quotes stay."""
    result = text
    while result == text:
        for change in rng.sample((_layout, _typo, _swap, _polite), rng.choice((1, 1, 1, 2))):
            result = change(result, answer, world, rng)
    return result


def _quoted(answer: str) -> list[str]:
    """What of the answer must stand in the question as it is: the values of a ticket."""
    fields = json.loads(answer) if answer.startswith('{"customer"') else {}
    return [str(value) for value in fields.values()]


def _layout(text: str, answer: str, world: World, rng: random.Random) -> str:
    other = rng.choice((text.upper() if text.isascii() and '"' not in answer else text, text.rstrip(".?!。") + rng.choice(("", "!", " ?", "...")), "  " + text.replace(" ", "  ", 2), text.replace(",", "").replace("，", " ")))  # fmt: skip
    return text[0].swapcase() + text[1:] if other == text else other


def _typo(text: str, answer: str, world: World, rng: random.Random) -> str:
    """A letter left out, doubled, swapped with the next or mistyped, in a word of four letters or more."""
    words = text.split(" ")
    fit = [i for i, word in enumerate(words) if word.isascii() and word.isalpha() and len(word) > 3 and word.islower() and word not in answer]  # fmt: skip
    if not fit:
        return text
    i = rng.choice(fit)
    word, at = words[i], rng.randrange(1, len(words[i]) - 1)
    letter = rng.choice(string.ascii_lowercase)
    words[i] = rng.choice((word[:at] + word[at + 1 :], word[:at] + word[at] + word[at:], word[:at] + word[at + 1] + word[at] + word[at + 2 :], word[:at] + letter + word[at + 1 :]))  # fmt: skip
    return " ".join(words)


def _swap(text: str, answer: str, world: World, rng: random.Random) -> str:
    fit = [(one, other) for one, other in world.swaps if f" {one} " in f" {text} "]
    one, other = rng.choice(fit) if fit else ("", "")
    return f" {text} ".replace(f" {one} ", f" {other} ", 1).strip() if one else text


def _polite(text: str, answer: str, world: World, rng: random.Random) -> str:
    return (
        text + rng.choice(("谢谢！", "，麻烦了。")) if not text.isascii() else rng.choice(world.courtesy).format(text)
    )


@dataclass(frozen=True)
class Score:
    """True near duplicates (`real`), rows rejected as such (`found`), and both (`right`)."""

    real: int
    found: int
    right: int

    @property
    def precision(self) -> float:
        return self.right / self.found if self.found else 1.0

    @property
    def recall(self) -> float:
        return self.right / self.real if self.real else 1.0
