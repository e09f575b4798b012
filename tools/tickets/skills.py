"""Questions about what a ticket means, in plain words and by the conventions of made-up houses.

Every maker takes (rng, ticket, language of the question, held_out) and returns (question, answer). Never JSON, never
the codes or the policy of the company that the course fine-tunes on.
"""

import random

from helpers.chats import COPIED
from tools.tickets.attributes import GROUPS, KINDS, WISHES, WORDS
from tools.tickets.phrasings import NAMES, phrase
from tools.tickets.policy import CONDITIONS, house
from tools.tickets.policy import NAMES as HOUSES
from tools.tickets.questions import LAYOUTS, Message, dialogue, question
from tools.tickets.skilled import SkilledTicket, make_skilled_ticket, make_snippet
from tools.tickets.tickets import LANGUAGES, made_up_word

Turn = tuple[str, str]
VALUES = {"kind": tuple(KINDS), "group": GROUPS, "wish": WISHES}

_ASK = {
    "en": {
        "kind": (
            "What [kind|type|sort] of [complaint|problem|trouble|case] is [it|this] [|here]?",
            "[Name|Give|Tell me|Find|Say] the [kind|type|sort] of [complaint|problem|trouble|case] [.|, please.]",
            "[Kind|Type|Sort] of [complaint|problem|trouble|case] [?|, please.]",
        ),
        "group": (
            "Which [group|department|section] does the [product|item|article] belong to?",
            "[Name|Give|Tell me|Find|Say] the [group|department|section] of the [product|item|article] [.|, please.]",
            "[Group|Department|Section] of the [product|item|article] [?|, please.]",
        ),
        "wish": (
            "What does the [customer|buyer|client] [want|ask for|wish for|demand]?",
            "[Name|Give|Tell me|Find|Say] the [customer's|buyer's|client's] [wish|request|demand] [.|, please.]",
            "What is [asked for|wanted|wished for] [|here]?",
        ),
        "deadline": (
            "Is there a [deadline|last date|time limit] [|here|in this ticket]?",
            "[Does|Did] the [customer|buyer|client] [name|mention|set] a [deadline|last date|time limit]?",
            "Must it be done by a certain [day|date]?",
        ),
        "regular": (
            "Is [this|it|he or she] a [regular|loyal|returning] [customer|buyer|client]?",
            "[Does|Did] the [customer|buyer|client] buy here [before|often|regularly]?",
        ),
        "dangerous": (
            "Is [it|this|the fault|the product] [dangerous|a danger|a hazard|a risk]?",
            "[Can|Could] [somebody|anybody] be hurt by [it|this|the fault]?",
        ),
        "many": (
            "Are there [ten|10] or more [|pieces|units|items]?",
            "Is the [quantity|number of pieces|number of units] [ten|10] or more?",
        ),
    },
    "zh": {
        "kind": (
            "[这是|属于|是][什么|哪种|哪类][类型的|][投诉|问题]？",
            "[请|麻烦|][给出|说出|告诉我|写出][问题|投诉]的[类型|种类]。",
            "[问题|投诉][类型|种类][？|是什么？]",
        ),
        "group": (
            "[商品|产品|货品][属于|归][哪个|什么]部门？",
            "[请|麻烦|][给出|说出|告诉我|写出][商品|产品|货品]的[部门|分类]。",
            "[商品|产品|货品]的[部门|分类][？|是什么？]",
        ),
        "wish": (
            "[客户|买家|顾客][想要|要求|希望][什么|得到什么|怎么处理]？",
            "[请|麻烦|][给出|说出|告诉我|写出][客户|买家|顾客]的[要求|诉求]。",
        ),
        "deadline": (
            "[有|提到|给出][期限|截止日期|最后期限][吗|没有]？",
            "[是不是|是否][有期限|限定了日期|必须在某天之前解决]？",
        ),
        "regular": (
            "[是|是不是|这是|他是][老客户|老顾客|熟客]吗？",
            "[客户|买家|顾客][以前|经常]在[这里|本店]买[过|]吗？",
        ),
        "dangerous": ("[有|有没有]危险吗？", "[这个|该][问题|商品|故障][危险|会伤人|有危险]吗？"),
        "many": ("[有|有没有|数量到][十|10]件吗？", "[数量|件数]是[十|10]件以上吗？"),
    },
}
# Labels of the facts in requests for several.
LABELS = {
    "en": {
        "kind": ("[kind|type|sort] [of complaint|of problem|of case|]",),
        "group": ("[group|department|section]",),
        "wish": ("[wish|demand|wanted]",),
        "deadline": ("[deadline|time limit|last date]",),
        "regular": ("[regular|loyal|returning] [customer|client|]",),
        "dangerous": ("dangerous", "danger", "hazard"),
        "many": ("[ten|10] or more", "large order"),
        "code": ("[code|category|class]",),
        "level": ("[level|priority|urgency]",),
    },
    "zh": {
        "kind": ("[问题|投诉|][类型|种类]",),
        "group": ("[商品|][部门|分类]",),
        "wish": ("诉求", "要求"),
        "deadline": ("期限", "截止日期"),
        "regular": ("老客户", "熟客"),
        "dangerous": ("危险", "有危险"),
        "many": ("十件以上", "大单"),
        "code": ("代码", "代号"),
        "level": ("级别", "优先级"),
    },
}
_WHICH = {
    "en": {"kind": "Kind", "group": "Group", "wish": "Wish"},
    "zh": {"kind": "类型", "group": "部门", "wish": "诉求"},
}
_HOUSE = {
    "en": {
        "code": ("Which code for {}?", "The code of {}, please."),
        "level": ("Which level for {}?", "The level of {}, please."),
    },
    "zh": {"code": ("代码是什么（{}）？", "{}的代码？"), "level": ("级别是什么（{}）？", "{}的级别？")},
}
_OR = {"en": " or ", "zh": "或者"}


def yes(language: str, true: bool) -> str:
    return WORDS[language]["yes" if true else "no"]


def fact(ticket: SkilledTicket, name: str, language: str) -> str:
    """The answer to a plain question about one fact."""
    if name in VALUES:
        return WORDS[language][getattr(ticket.facts, name)]
    return yes(language, CONDITIONS[name](ticket.facts))


def plain(name: str):
    """A maker of the plain question about one fact."""
    return lambda rng, ticket, language, held_out: (
        phrase(rng, _ASK[language][name], held_out),
        fact(ticket, name, language),
    )


def choice(rng: random.Random, ticket: SkilledTicket, language: str, held_out: bool) -> Turn:
    """Which of two to four given words it is."""
    name = rng.choice(tuple(VALUES))
    true = getattr(ticket.facts, name)
    words = [true, *rng.sample([word for word in VALUES[name] if word != true], rng.randint(1, 3))]
    listed = _OR[language].join(WORDS[language][word] for word in rng.sample(words, len(words)))
    if language == "zh":
        return f"{_WHICH['zh'][name]}是{listed}？", WORDS["zh"][true]
    return f"{_WHICH['en'][name]}: {listed}?", true


def house_code(rng: random.Random, ticket: SkilledTicket, language: str, held_out: bool) -> Turn:
    """The code that one of the houses gives."""
    name = rng.choice(HOUSES)
    return rng.choice(_HOUSE[language]["code"]).format(name), house(name).code(ticket.facts)


def house_level(rng: random.Random, ticket: SkilledTicket, language: str, held_out: bool) -> Turn:
    """The level that one of the houses gives."""
    name = rng.choice(HOUSES)
    return rng.choice(_HOUSE[language]["level"]).format(name), house(name).level(ticket.facts)


def mixed(rng: random.Random, ticket: SkilledTicket, language: str, held_out: bool) -> Turn:
    """Two to seven values at once with or without labels: copied ones, facts, and a house's code and level."""
    copied = rng.sample(COPIED, rng.randint(0, 4)) if rng.random() < 0.6 else list(COPIED)
    facts = rng.sample((*VALUES, *CONDITIONS), rng.randint(0 if copied else 2, 3))
    facts = ["wish" if name == "refund" else name for name in facts]
    firm = rng.choice(HOUSES) if rng.random() < 0.6 or not facts else None
    coded = rng.choice((["code"], ["level"], ["code", "level"], ["code", "level"])) if firm else []
    names = list(dict.fromkeys([*copied, *facts, *coded]))
    if rng.random() < 0.4:
        rng.shuffle(names)
    values = []
    for name in names:
        if name in COPIED:
            values.append(str(ticket.fields[name]))
        elif name in coded:
            values.append(getattr(house(firm), name)(ticket.facts))
        else:
            values.append(fact(ticket, name, language))
    labels = [phrase(rng, (NAMES if name in COPIED else LABELS)[language][name], False) for name in names]
    shown = labels
    if rng.random() < 0.2:  # labels that the request makes up
        new = [made_up_word(rng, language) if rng.random() < 0.5 else label for label in labels]
        between = "写作" if language == "zh" else " as "
        shown = [label if label == other else f"{label}{between}{other}" for label, other in zip(labels, new)]
        labels = new
    requests, layout = rng.choice(LAYOUTS[language])
    asked = rng.choice(requests).format(names=("、" if language == "zh" else ", ").join(shown))
    if firm:
        asked = f"{firm}：{asked}" if language == "zh" else f"{rng.choice(('For ', ''))}{firm}: {asked}"
    return asked, layout(labels, values)


def copied(rng: random.Random, ticket: SkilledTicket, language: str, held_out: bool) -> Turn:
    """One field that stands in the ticket."""
    field = rng.choice(COPIED)
    return question(rng, language, field, held_out), str(ticket.fields[field])


# name: (maker, how often)
SKILLS = {
    "mixed": (mixed, 24),
    "kind": (plain("kind"), 6),
    "group": (plain("group"), 4),
    "wish": (plain("wish"), 4),
    "deadline": (plain("deadline"), 7),
    "regular": (plain("regular"), 7),
    "dangerous": (plain("dangerous"), 3),
    "many": (plain("many"), 3),
    "which of": (choice, 4),
    "house code": (house_code, 14),
    "house level": (house_level, 10),
    "copied": (copied, 6),
}


def languages(rng: random.Random) -> tuple[str, str]:
    """The languages of a ticket and of what is asked: Chinese needs more practice, and English codes and words."""
    if rng.random() < 0.45:
        return "en", "en" if rng.random() < 0.93 else "zh"
    return "zh", "en" if rng.random() < 0.6 else "zh"


def skilled_conversation(rng: random.Random, made_up: float = 0.0) -> list[Message]:
    """A ticket and three to five questions about what it means, as chat messages (training side only)."""
    language, asked = languages(rng)
    ticket = make_skilled_ticket(rng, language, held_out=False, made_up=made_up if rng.random() < 0.6 else 0.0)
    makers = rng.choices([maker for maker, _ in SKILLS.values()], [n for _, n in SKILLS.values()], k=rng.randint(3, 5))
    return dialogue(rng, ticket.text, [maker(rng, ticket, asked, False) for maker in makers], 0.35)


# What a snippet has to show for the answer.
_NEEDED = {
    "group": ("product",),
    "kind": ("issue",),
    "dangerous": ("issue",),
    "wish": ("wish",),
    "deadline": ("told",),
    "regular": ("told",),
    "many": ("product",),
    "code": ("product", "issue"),
    "level": ("product", "issue", "told", "wish"),
}


def drill(rng: random.Random, made_up: float = 0.0) -> list[Message]:
    """One question, then snippets of tickets in turn, each with its answer: many facts in few tokens."""
    language, asked = languages(rng)
    name = rng.choices(tuple(_NEEDED), (3, 5, 1, 1, 5, 5, 1, 5, 4))[0]
    firm = rng.choice(HOUSES) if name in ("code", "level") else ""
    request = rng.choice(_HOUSE[asked][name]).format(firm) if firm else phrase(rng, _ASK[asked][name], False)
    messages = [{"role": "system", "content": request}]
    bare = name == "group" and rng.random() < 0.6
    for _ in range(rng.randint(4, 7) if name == "level" else rng.randint(8, 14) * (1 + bare)):
        text, facts = make_snippet(rng, language, _NEEDED[name], made_up if rng.random() < 0.3 else 0.0, bare)
        if firm:
            answer = getattr(house(firm), name)(facts)
        else:
            answer = WORDS[asked][getattr(facts, name)] if name in VALUES else yes(asked, CONDITIONS[name](facts))
        messages += [{"role": "user", "content": text}, {"role": "assistant", "content": answer}]
    return messages


def held_out_skills(count: int) -> list[dict]:
    """`count` scored questions of each kind from the held-out side, languages in equal parts, always the same ones.

    Each is {"messages": [user], "answer", "language", "skill"}.
    """
    rows = []
    for skill, (maker, _) in SKILLS.items():
        rng = random.Random(f"skill {skill}")
        for i in range(count):
            language = LANGUAGES[i % 2]
            ticket = make_skilled_ticket(rng, language, held_out=True)
            asked, answer = maker(rng, ticket, language, True)
            messages = [{"role": "user", "content": f"{ticket.text}\n\n{asked}"}]
            rows.append({"messages": messages, "answer": answer, "language": language, "skill": skill})
    return rows
