"""Rows of five kinds for `duplicate_wordings`, two houses of each kind without a common template: those of "work" were there
to mend the rules on, those of "unseen" were scored when the rules were done. No two rows of a house say the same, though
many have one answer: another entity, a negation, another number or column, swapped arguments, the same words under
another task, the same thing in another language.
"""

import itertools
import json
from collections.abc import Iterator
from dataclasses import dataclass

Row = tuple[str, str, str, str]  # what stands before the text, the text, what stands after it, the answer


@dataclass(frozen=True)
class Scene:
    """Texts of one template: pairs of text and answer, and what stands for each name in braces."""

    pairs: tuple[tuple[str, str], ...]
    slots: dict[str, tuple[str, ...]]
    before: str = ""
    after: str = ""

    def rows(self) -> Iterator[Row]:
        for text, answer in self.pairs:
            names = [name for name in self.slots if f"{{{name}}}" in text]
            for values in itertools.product(*(self.slots[name] for name in names)):
                filled = dict(zip(names, values))
                if len(set(values)) == len(values):  # nobody goes from Oslo to Oslo
                    yield self.before, _fill(text, filled), self.after, _fill(answer, filled)


def _fill(template: str, values: dict[str, str]) -> str:
    """`template` with its values; one that begins with "=" names the fields of a JSON object."""
    if template.startswith("="):
        return json.dumps({name: values[name] for name in template[1:].split() if name in values}, ensure_ascii=False)
    for name, value in values.items():
        template = template.replace(f"{{{name}}}", value)
    return template


HOTEL = {"room": ("112", "121", "305"), "guest": ("Nadia Roth", "Nadja Roth", "Bruno Leal"), "thing": ("shower", "television", "safe"),
         "fault": ("does not work", "is broken", "makes a loud noise"), "since": ("yesterday", "Tuesday", "last night"), "hour": ("5 pm", "6 pm")}  # fmt: skip
HOTEL_ZH = {"room": ("112", "121", "305"), "guest": ("沈丽", "沈莉", "高强"), "thing": ("淋浴", "电视", "保险箱"), "fault": ("坏了", "声音很大", "打不开"),
            "since": ("昨天", "星期二", "昨晚"), "hour": ("下午五点", "下午六点")}  # fmt: skip
PARCEL = {"name": ("Kofi Mensah", "Kofi Menzah", "Ingrid Dahl"), "parcel": ("PX-4471", "PX-4417", "QR-9083"), "city": ("Leeds", "Ghent", "Turin"),
          "problem": ("has not arrived", "arrived damaged", "was left at the wrong house", "is still at the depot"), "day": ("3 March", "13 March", "Friday")}  # fmt: skip
PARCEL_ZH = {"name": ("唐敏", "唐明", "罗杰"), "parcel": ("PX-4471", "PX-4417", "QR-9083"), "city": ("杭州", "苏州", "成都"), "problem": ("还没到", "到的时候坏了", "送错了地址"), "day": ("3月3日", "3月13日", "星期五")}  # fmt: skip

_INTENT = (
    "Label the customer's message with one of: billing, network, contract, device. Think about what the customer needs from us, not about the mood "
    "of the message. Output the label and nothing else.\n\nCustomer: "
)
_MOOD = "Read what a customer of a telephone company wrote and say whether the customer sounds calm or upset. Output one word.\n\nCustomer: "
_EMOTION = (
    "\n\n---\nWhich feeling does the person who wrote this mainly show? Choose from joy, anger, fear, sadness. A feeling that is only quoted from somebody "
    "else does not count. Write just the feeling."
)
_NLI = (
    "You get two sentences. Decide what the first one tells us about the second one: entailment, contradiction or neutral. Do not use knowledge of the world "
    "that is not needed to understand the words.\n\n"
)
CLASSES = {
    "work": (
        Scene(
            (
                ("Why was I charged {n} euros for calls to {place}?", "billing"), ("Why was I not charged for calls to {place}?", "billing"), ("I want to pay my bill for {month} later", "billing"),
                ("I have already paid my bill for {month}", "billing"), ("I have not yet paid my bill for {month}", "billing"), ("The internet is slow in {place} since {month}", "network"),
                ("The internet is fast in {place} since {month}", "network"), ("There is no signal in {place}", "network"), ("There is a good signal in {place}", "network"),
                ("Calls from {place} to {other} drop after {n} minutes", "network"), ("My contract ends in {month}, can I leave before that", "contract"), ("My contract ends in {month}, can I leave after that", "contract"),
                ("How can I cancel my contract in {month}?", "contract"), ("How can I extend my contract in {month}?", "contract"), ("The screen of the phone that I bought in {place} is broken", "device"),
                ("The battery of the phone that I bought in {place} is broken", "device"), ("{place} 没有信号", "network"), ("我的账单为什么多了{n}欧元", "billing"), ("我的账单为什么少了{n}欧元", "billing"),
            ),
            {"n": ("12", "20", "21", "200"), "place": ("Bergen", "Berlin", "Bern", "Madrid"), "other": ("Rome", "Bergen", "Madrid"), "month": ("March", "May", "June")}, _INTENT,
        ),
        Scene(
            (("There is no signal in {place}", "calm"), ("I have already paid my bill for {month}", "calm"), ("Why was I charged {n} euros for calls to {place}?", "upset"), ("This is the {nth} time that nobody answers", "upset")),
            {"n": ("12", "20", "200"), "place": ("Bergen", "Berlin", "Madrid"), "month": ("March", "May", "June"), "nth": ("2nd", "3rd", "5th")}, _MOOD,
        ),
    ),
    "unseen": (
        Scene(
            (
                ("I finally got the job at the {work} after {n} interviews!", "joy"), ("I got my {pet} back today and cannot stop smiling", "joy"), ("My {pet} died last {day} and the house feels empty", "sadness"),
                ("Nobody came to my party last {day}", "sadness"), ("Everybody came to my party last {day}", "joy"), ("They gave my place at the {work} to someone else", "anger"), ("They never gave my place at the {work} to someone else, but they lied to me for {n} weeks", "anger"),
                ("There was a noise below the stairs and I did not dare to move", "fear"), ("There was a noise above the stairs and I did not dare to move", "fear"), ("I am scared of the exam on {day}", "fear"), ("I am no longer scared of the exam on {day}", "joy"),
                ("How dare they raise the rent by {n} percent", "anger"), ("How dare they refuse to lower the rent by {n} percent", "anger"), ("My sister moved to another city and I miss her every {day}", "sadness"), ("My brother moved to another city and I miss him every {day}", "sadness"),
                ("My {pet} was hit by a car near the {work}", "sadness"), ("A car was hit by my {pet} near the {work}", "sadness"),
            ),
            {"work": ("bakery", "hospital", "harbour", "school"), "n": ("2", "3", "13", "30"), "pet": ("dog", "cat", "parrot", "rabbit"), "day": ("Monday", "Sunday", "night", "week")}, "", _EMOTION,
        ),
        Scene(
            (
                ("1. A {who} is asleep on a {where}.\n2. A {who} is awake on a {where}.", "contradiction"), ("1. A {who} is awake on a {where}.\n2. A {who} is asleep on a {where}.", "contradiction"), ("1. A {who} follows a {whom}.\n2. A {whom} follows a {who}.", "neutral"),
                ("1. {n} people wait near a {where}.\n2. Somebody waits.", "entailment"), ("1. {n} people wait near a {where}.\n2. Nobody waits.", "contradiction"), ("1. A {who} buys a ticket.\n2. A {who} will travel far.", "neutral"), ("1. A {who} sells a ticket.\n2. A {who} will travel far.", "neutral"),
            ),
            {"who": ("girl", "boy", "nurse", "sailor"), "whom": ("nurse", "girl", "goat"), "where": ("bench", "bridge", "ferry"), "n": ("4", "6", "14")}, _NLI,
        ),
    ),
}  # fmt: skip


def _handbook(half: str) -> Iterator[Row]:
    """Questions about a text that all of them share; many answers are one word, or the same sentence."""
    if half == "work":
        for team, floor, lead, size in (("design", "2nd", "Oda Berg", 12), ("payroll", "5th", "Tim Abara", 7), ("legal", "3rd", "Ana Reis", 19), ("support", "1st", "Oda Lund", 31)):  # fmt: skip
            text = (
                f"Handbook, section on the {team} team. The team has {size} people and sits on the {floor} floor. It is led by {lead}, who reports to the board. Meetings are "
                "held on Thursday at ten in the morning. Guests have to register at the desk. Laptops are replaced every three years. Working from home is "
                "possible on two days a week, and overtime is paid out in the following month.\n\nQuestion: "
            )
            asked = (
                ("Who is the head of the {t} team?", lead), ("Who was the head of the {t} team before?", "not stated"), ("Who will be the head of the {t} team next year?", "not stated"), ("How many people work in the {t} team?", str(size)),
                ("On which floor does the {t} team sit?", f"The {floor} floor."), ("When does the {t} team meet?", "On Thursday at ten."), ("How often are the laptops of the {t} team replaced?", "Every three years."),
                ("May I bring my dog to the {t} team?", "not stated"), ("May I bring my child to the {t} team?", "not stated"), ("What is the budget of the {t} team?", "not stated"), ("What is the phone number of the {t} team?", "not stated"),
                ("Is overtime paid in the {t} team?", "yes"), ("Do guests of the {t} team have to register?", "yes"), ("Is the {t} team allowed to work from home?", "yes"), ("Is the {t} team on the same floor as the board?", "not stated"),
                ("Can I work from home on 2 days in the {t} team?", "yes"), ("Can I work from home on 3 days in the {t} team?", "no"), ("Can I work from home on 4 days in the {t} team?", "no"), ("Is the {t} team led by {lead}?", "yes"),
                ("Does the {t} team report to {lead}?", "no"), ("Does {lead} report to the {t} team?", "no"), ("Where can I find the salary table of the {t} team?", "not stated"), ("Where can I find the holiday plan of the {t} team?", "not stated"),
            )  # fmt: skip
            for question, answer in asked:
                yield text, question.replace("{t}", team).replace("{lead}", lead), "\nAnswer:", answer
        return
    for name, watts, litres, colour in (("Vento 3", 900, 2, "white"), ("Vento 5", 1200, 5, "grey"), ("Brisa", 450, 1, "white"), ("Brisa Plus", 600, 3, "green")):  # fmt: skip
        text = (
            f"\n\n<document>\nThe humidifier {name} holds {litres} litres and draws {watts} watts. The case is {colour}. Fill it with cold water only. "
            "Descale the plate once a month with vinegar. A red light means that the tank is empty; a blue light means that the device is on. It switches off by itself "
            "after eight hours. The filter can be washed. Keep it away from children and out of the sun.\n</document>\n"
            "If the document does not say it, answer UNKNOWN."
        )
        asked = (
            ("How much water does the {n} hold?", f"{litres} litres"), ("How many watts does the {n} need?", f"{watts} watts"), ("What colour is the {n}?", colour), ("What colour is the cable of the {n}?", "UNKNOWN"), ("How long is the cable of the {n}?", "UNKNOWN"),
            ("What does the red light of the {n} mean?", "The tank is empty."), ("What does the blue light of the {n} mean?", "The device is on."), ("What does the green light of the {n} mean?", "UNKNOWN"), ("Can I fill the {n} with warm water?", "No."),
            ("Can I fill the {n} with cold water?", "Yes."), ("Can I wash the filter of the {n}?", "Yes."), ("Does the {n} switch off by itself?", "Yes."), ("Does the {n} switch on by itself?", "UNKNOWN"), ("How loud is the {n}?", "UNKNOWN"),
            ("How heavy is the {n}?", "UNKNOWN"), ("Where is the {n} made?", "UNKNOWN"), ("Where is the {n} sold?", "UNKNOWN"), ("Does the {n} run for 8 hours?", "Yes."), ("Does the {n} run for 18 hours?", "No."), ("Does the {n} run for 80 hours?", "No."),
            ("Is there a guarantee for the {n}?", "UNKNOWN"), ("Is there a replacement filter for the {n}?", "UNKNOWN"), ("Should the {n} stand in the sun?", "No."), ("Should the {n} stand near children?", "No."), ("How often do I have to descale the {n}?", "Once a month."),
        )  # fmt: skip
        for question, answer in asked:
            yield "", question.replace("{n}", name), text, answer


SQL = {
    "work": (
        Scene(
            (
                ("Show the {column} of all {table}.", "SELECT {column} FROM {table};"), ("Show the different {column} values of all {table}.", "SELECT DISTINCT {column} FROM {table};"), ("How many {table} have a {column} above {n}?", "SELECT COUNT(*) FROM {table} WHERE {column} > {n};"),
                ("How many {table} have a {column} below {n}?", "SELECT COUNT(*) FROM {table} WHERE {column} < {n};"), ("Find the {table} with the highest {column}.", "SELECT * FROM {table} ORDER BY {column} DESC LIMIT 1;"), ("Find the {table} with the lowest {column}.", "SELECT * FROM {table} ORDER BY {column} LIMIT 1;"),
                ("What is the average {column} of the {table}?", "SELECT AVG({column}) FROM {table};"), ("What is the total {column} of the {table}?", "SELECT SUM({column}) FROM {table};"), ("List the first {n} {table} in order of {column}.", "SELECT * FROM {table} ORDER BY {column} LIMIT {n};"),
                ("Which {table} do not have a {column}?", "SELECT * FROM {table} WHERE {column} IS NULL;"), ("Which {table} have a {column}?", "SELECT * FROM {table} WHERE {column} IS NOT NULL;"), ("Delete the {table} whose {column} is {n}.", "DELETE FROM {table} WHERE {column} = {n};"),
            ),
            {"table": ("patients", "visits", "bills"), "column": ("age", "height", "fee", "room"), "n": ("3", "13", "30")},
            "Schema: patients(age, height, fee, room), visits(age, height, fee, room), bills(age, height, fee, room). Write one SQL statement that answers the question, and do not explain it.\n",
        ),
        Scene((("Is there an index on the {column} of {table}?", "-- no"), ("Is there a limit on the {column} of {table}?", "-- no"), ("May the {column} of {table} be negative?", "-- no"), ("May the {column} of {table} be empty?", "-- yes")),
              {"table": ("patients", "visits"), "column": ("age", "height", "fee")}, "Schema: patients(age, height, fee), visits(age, height, fee). Answer in an SQL comment of one word.\n"),
    ),
    "unseen": (
        Scene(
            (
                ("Which {thing} was lent in {month} for more than {n} days?", "SELECT t.* FROM {thing} t JOIN loan l ON l.item = t.id WHERE l.month = '{month}' AND l.days > {n}"), ("Which {thing} was lent in {month} for less than {n} days?", "SELECT t.* FROM {thing} t JOIN loan l ON l.item = t.id WHERE l.month = '{month}' AND l.days < {n}"),
                ("I need the {column} of every {thing}, newest first", "SELECT {column} FROM {thing} ORDER BY year DESC"), ("I need the {column} of every {thing}, oldest first", "SELECT {column} FROM {thing} ORDER BY year ASC"),
                ("Get the names of members who borrowed a {thing} and did not return it", "SELECT DISTINCT m.name FROM member m JOIN loan l ON l.member = m.id JOIN {thing} t ON t.id = l.item WHERE l.back IS NULL"),
                ("Get the names of members who borrowed a {thing} and returned it", "SELECT DISTINCT m.name FROM member m JOIN loan l ON l.member = m.id JOIN {thing} t ON t.id = l.item WHERE l.back IS NOT NULL"),
                ("What is the maximum {column} in {thing}?", "SELECT MAX({column}) FROM {thing}"), ("What is the minimum {column} in {thing}?", "SELECT MIN({column}) FROM {thing}"), ("Count the {thing} entries per {column}", "SELECT {column}, COUNT(*) FROM {thing} GROUP BY {column}"),
                ("Raise the {column} of each {thing} by {n} percent", "UPDATE {thing} SET {column} = {column} * (1 + {n} / 100.0)"), ("Reduce the {column} of each {thing} by {n} percent", "UPDATE {thing} SET {column} = {column} * (1 - {n} / 100.0)"),
            ),
            {"thing": ("book", "film", "map"), "month": ("April", "August"), "n": ("2", "12", "20"), "column": ("pages", "price", "shelf")},
            "", "\n\n-- tables: book(id, pages, price, shelf, year), film(id, pages, price, shelf, year), map(id, pages, price, shelf, year), loan(item, member, month, days, back), member(id, name)\n-- answer with a query for DuckDB",
        ),
        Scene((("Are there {thing} rows with a {column} of {n}?", "SELECT 1"), ("Are there {thing} rows without a {column}?", "SELECT 1"), ("Does every {thing} have a {column}?", "SELECT 1"), ("Has any {thing} a {column} over {n}?", "SELECT 0")),
              {"thing": ("book", "film", "map"), "column": ("pages", "price", "shelf"), "n": ("2", "12")}, "Tables: book(pages, price, shelf), film(pages, price, shelf), map(pages, price, shelf). They hold the rows that you know. Write SELECT 1 for yes and SELECT 0 for no.\n"),
    ),
}  # fmt: skip

TOOLS = {
    "work": (
        Scene(
            (
                ("What is the weather like in {place} {day}?", '{"name": "weather", "arguments": {"place": "{place}", "day": "{day}"}}'), ("Translate good morning into {tongue}", '{"name": "translate", "arguments": {"text": "good morning", "to": "{tongue}"}}'),
                ("Set a timer for {n} minutes", '{"name": "timer", "arguments": {"minutes": {n}}}'), ("Find a train from {place} to {other} {day}", '{"name": "trains", "arguments": {"from": "{place}", "to": "{other}", "day": "{day}"}}'),
                ("What is on my list?", '{"name": "read_list", "arguments": {}}'), ("Is there anything left to do?", '{"name": "read_list", "arguments": {}}'), ("Empty my list", '{"name": "clear_list", "arguments": {}}'),
                ("Can you sing a song about {place}?", "I cannot do that."), ("Can you write a letter about {place}?", "I cannot do that."), ("Can you drive me from {place} to {other}?", "I cannot do that."), ("Can you send money to {name}?", "I cannot do that."),
                ("Can you get money from {name}?", "I cannot do that."), ("Can you call {name} {day}?", "I cannot do that."), ("Can you buy {n} tickets for {name}?", "I cannot do that."),
            ),
            {"place": ("Oslo", "Osaka", "Lima", "Lille"), "other": ("Porto", "Oslo", "Lille"), "day": ("tomorrow", "today", "on Friday"), "tongue": ("Greek", "Dutch", "Danish"), "n": ("5", "15", "50"), "name": ("Maren", "Karen", "Idris")},
            'You can call these functions: weather(place, day), translate(text, to), timer(minutes), trains(from, to, day), read_list(), clear_list(). Answer with one JSON object, or with "I cannot do that."',
        ),
    ),
    "unseen": (
        Scene(
            (
                ("Turn the heating in the {room} up to {n} degrees", 'set_heat(room="{room}", degrees={n}, by="up")'), ("Turn the heating in the {room} down to {n} degrees", 'set_heat(room="{room}", degrees={n}, by="down")'), ("Dim the lamp in the {room} at {hour}", 'dim(room="{room}", at="{hour}")'),
                ("Lock the front door at {hour}", 'lock(door="front", at="{hour}")'), ("Lock the back door at {hour}", 'lock(door="back", at="{hour}")'), ("Put {food} on the shopping list", 'add(item="{food}")'), ("Take {food} off the shopping list", 'remove(item="{food}")'),
                ("Good night, everything off", "all_off()"), ("Nobody is home until the evening", "all_off()"), ("Is someone at the door?", "show_camera()"), ("Let me see the garden", "show_camera()"), ("Feed the cat {food} at {hour}", "none()"), ("Do not feed the cat {food}", "none()"),
                ("Cook {food} for {n} people", "none()"), ("Is the {room} bigger than the {second}?", "none()"), ("What did I eat with {person} at {hour}?", "none()"), ("Who painted the {room}?", "none()"), ("Who cleaned the {room}?", "none()"), ("Ask {person} to clean the {room}", "none()"),
            ),
            {"room": ("kitchen", "bathroom", "bedroom"), "second": ("kitchen", "attic", "bedroom"), "n": ("16", "19", "21"), "hour": ("10:30", "22:30", "7:00"), "food": ("rice", "milk", "mice"), "person": ("Yusuf", "Yusra", "Lotte")},
            "House assistant. Functions: set_heat, dim, lock, add, remove, all_off, show_camera. Reply with one call and none() if no function fits.",
        ),
    ),
}  # fmt: skip

TICKETS = {
    "work": (
        Scene(
            (
                ("Room {room}, {guest} here. The {thing} {fault} since {since}. Can somebody look at it before {hour}?", "=room guest thing fault since hour"),
                ("My name is {guest} and I am staying in room {room}. I have a problem: the {thing} {fault}, and it has been like that since {since}. I will be back at {hour}.", "=guest room thing fault since hour"),
                ("{guest} (room {room}) says that the {thing} {fault}. It started {since}. Do not come before {hour}.", "=guest room thing fault since hour"),
            ), HOTEL,
        ),
        Scene((("您好，我是{room}房的{guest}。房间的{thing}{fault}，从{since}开始的，请在{hour}前处理。", "=room guest thing fault since hour"), ("{guest}，{room}房间，{thing}{fault}，{since}就这样了，{hour}以后我在房间。", "=guest room thing fault since hour")), HOTEL_ZH),
    ),
    "unseen": (
        Scene(
            (
                ("I am waiting for parcel {parcel} to {city} and it {problem}. I was told that it would come on {day}. What can I do now? {name}", "=parcel city problem day name"),
                ("Subject: {parcel}\nThe parcel {problem}. It was sent to {city} on {day}. I need somebody to answer quickly because it is a present.\n{name}", "=parcel problem city day name"),
                ("This is {name} from {city}. Your driver was here on {day} but my parcel, number {parcel}, {problem}. I would like to have my money back.", "=name city day parcel problem"),
            ), PARCEL,
        ),
        Scene((("我的包裹{parcel}寄到{city}，{day}应该送到，但是{problem}。请告诉我怎么办。{name}", "=parcel city day problem name"), ("我叫{name}，住在{city}。{day}的包裹{parcel}{problem}，我想退款。", "=name city day parcel problem")), PARCEL_ZH),
    ),
}  # fmt: skip


def rows(kind: str, half: str) -> list[Row]:
    """All rows of a kind, in a fixed order."""
    if kind == "retrieval":
        return list(_handbook(half))
    scenes = {"tickets": TICKETS, "classification": CLASSES, "sql": SQL, "tools": TOOLS}[kind][half]
    return list(dict.fromkeys(row for scene in scenes for row in scene.rows()))
