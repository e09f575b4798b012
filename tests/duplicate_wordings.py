"""Near duplicates by how people word a thing again: requests in another frame, abbreviations, numbers in words, fillers,
wrappers, moved phrases, slips. Items of each kind of change were parted by a checksum before anything was scored: half of
them are used on the rows of "work", the other half on those of "unseen". "borrowed" are the rows of "unseen" with words that
others collected (`duplicate_borrowed.json`), which nobody had read before they were scored.

Scored when the rules were done, recall in the order tickets, classification, retrieval, SQL, tools: work 1.00, 0.97, 0.94,
0.97, 0.98; unseen 0.96, 0.87, 0.89, 0.94, 0.87; borrowed 0.97, 0.60, 0.53, 0.83, 0.64. Precision was 1.00 everywhere but for one
row of the borrowed tools, a slip that two words have in common. The phrases of the borrowed half that were missed became
fillers and courtesy afterwards, so it is unseen no more; nothing was changed for the unseen half then.

Since a word that English has is no typing error for another one (`duplicate_pairs`), for which all halves were looked at:
work 0.97, 0.95, 0.94, 0.94, 0.96; unseen 0.97, 0.93, 0.94, 0.98, 0.89; borrowed 0.95, 0.91, 0.81, 0.96, 0.92, where many a
misspelling is another word. Precision is 1.00 everywhere.
"""

import json
import random
import re
import zlib
from collections.abc import Callable
from pathlib import Path

from duplicate_rows import Row, rows

OPENINGS = (
    "Hi there! ", "Hey, ", "Hello, hope you are well. ", "Good morning all, ", "Hi support, ", "Dear Sir or Madam, ", "Dear assistant, ", "Greetings! ", "Yo, ", "Hello!! ", "Hi again, ", "Hey guys, ", "Hi, quick one: ", "Hi team - ",
    "Please help: ", "Sorry if this was asked before: ", "Sorry, one more thing: ", "Excuse me, ", "I was wondering: ", "Just wondering, ", "One question: ", "I have a question. ", "Just a quick question: ", "Maybe a silly question, but ",
    "Honestly, ", "To be honest, ", "Basically, ", "Look, ", "Listen, ", "Right, so ", "Ok so ", "Alright, ", "Um, ", "Hmm... ", "Oh, ", "Ah, ", "And ", "But ", "Now, ", "Please, ", "Kindly, ", "FYI ", "By the way: ", "Btw, ", "Anyway, ", "Hope this finds you well. ",
    "Thanks for taking the time. ", "First of all, thank you. ", "I hope you can help me. ", "Hoping you can help. ", "I need your help. ", "Need help! ", "Can you help me? ", "Could you help me with this? ", "Help please, ", "Urgent: ", "URGENT!!! ", "This is urgent. ",
)  # fmt: skip
CLOSINGS = (
    " Thanks!", " thx", " Thank you so much in advance!", " Many thanks in advance.", " Cheers, mate", " Ta!", " Best,", " Best regards", " Kind regards", " Sincerely yours", " Warm regards,", " Please advise.", " Please reply soon.", " Please answer quickly.", " Asap please!",
    " asap", " Any help is appreciated.", " Any help would be great!", " Let me know.", " Please let me know!", " Let me know, thanks", " I look forward to your answer.", " Looking forward to hearing from you.", " Hope to hear from you soon.", " Have a good one", " Have a great day!", " Bye",
    " Sorry for the trouble.", " Sorry to bother.", " That's all.", " That is all, thanks.", " Thanks for your time and patience.", " Thank you for reading.", " :-)", " :D", " <3", " 🙏", " 😊", " 😀😀", " ...", "!!!", " ok?", " right?", " please", " pretty please", " if you can", " if possible", " when you can", " whenever you have a minute", " you know?",
    " Does anybody know?", " Any ideas?", " Any idea?", " Appreciate it.", " Much appreciated!", " God bless", " Cheers and thanks", " Thanks a million", " Thanks guys", " Thank you, have a nice weekend", " I would be grateful for an answer.", " Your help is very much appreciated.",
)  # fmt: skip
FRAMES = (  # of a question that begins with what, who, how, where, which or is; of an order
    ("ask", "Can you tell me: {}"), ("ask", "Tell me, {}"), ("ask", "I'd like to know: {}"), ("ask", "I want to know {}"), ("ask", "Does anyone know: {}"), ("ask", "May I ask, {}"), ("ask", "Can I ask you something? {}"), ("ask", "I wonder: {}"), ("ask", "Please answer this: {}"), ("ask", "Please tell me: {}"),
    ("ask", "My question is: {}"), ("ask", "The question is, {}"), ("ask", "Answer this question: {}"), ("ask", "Here is my question: {}"), ("ask", "Do you know: {}"), ("ask", "Any idea: {}"), ("ask", "I need to know: {}"), ("ask", "Quick q: {}"),
    ("order", "Can you {}?"), ("order", "Could you {}?"), ("order", "Could you please {}?"), ("order", "Would you {}?"), ("order", "I want you to {}"), ("order", "I need you to {}"), ("order", "I'd like you to {}"), ("order", "Please {}"), ("order", "Pls {}"), ("order", "Go ahead and {}"), ("order", "Would you mind? {}"),
    ("order", "Just {}"), ("order", "Can u {}"), ("order", "Will you please {}"), ("order", "Kindly {}"), ("order", "Let's {}"), ("order", "Now {}"), ("order", "Try to {}"), ("order", "Your task: {}"), ("order", "Help me {}"),
)  # fmt: skip
WRAPPERS = (
    "Q: {}", "Question: {}", "Question: {}\nAnswer:", "Query: {}", '"{}"', "“{}”", "'{}'", "> {}", "**{}**", "### {}", "- {}", "* {}", "[{}]", "({})", "<text>{}</text>", "### Question\n{}", "### Input:\n{}", "Input: {}", "User: {}", "User request: {}", "Human: {}", "Message: {}", "Text: {}", "Prompt: {}", "```\n{}\n```", "<p>{}</p>", "<question>{}</question>",
    "{}\nA:", "{}\n\nAnswer:", "{}\nOutput:", "{}\n### Response:", "Request: {}", "Task: {}", "=> {}", "_{}_", "{} ###", "--- {} ---", "Here it is: {}", "See below.\n{}", "Subject: question\n{}",
)  # fmt: skip
PAIRS = (  # short forms, slang, spellings
    ("What is", "Whats"), ("what is", "whats"), ("What is", "What's"), ("I am", "Im"), ("I am", "im"), ("I have", "Ive"), ("I have", "I've"), ("do not", "dont"), ("Do not", "Dont"), ("does not", "doesnt"), ("did not", "didnt"), ("is not", "isnt"), ("has not", "hasn't"), ("has not", "hasnt"), ("cannot", "cant"), ("I will", "I'll"),
    ("I would", "Id"), ("I would", "I'd"), ("There is", "Theres"), ("There is", "There's"), ("I want to", "I wanna"), ("Where is", "Wheres"), ("Who is", "Who's"), ("Who is", "Whos"), ("going to", "gonna"), ("have to", "gotta"), ("Let me", "Lemme"), ("you", "u"), ("you", "ya"), ("your", "ur"), ("Your", "Ur"), ("are", "r"), ("to", "2"), ("for", "4"), ("and", "&"), ("because", "cuz"), ("because", "bc"),
    ("with", "w/"), ("without", "w/o"), ("before", "b4"), ("please", "plz"), ("tomorrow", "tmrw"), ("tomorrow", "tomorow"), ("tonight", "tonite"), ("someone", "sb"), ("number", "no."), ("number", "nr"), ("number", "num"), ("maximum", "max"), ("minimum", "min"), ("average", "avg"), ("minutes", "mins"), ("minutes", "min"), ("people", "ppl"), ("people", "persons"),
    ("degrees", "°"), ("percent", "%"), ("euros", "€"), ("euros", "EUR"), ("days", "d"), ("hours", "hrs"), ("phone", "telephone"), ("phone", "fone"), ("internet", "Internet"), ("internet", "web"), ("television", "TV"), ("television", "telly"), ("room", "rm"), ("Friday", "Fri"), ("Monday", "Mon"), ("Sunday", "Sun"), ("Tuesday", "Tue"), ("March", "Mar"), ("April", "Apr"), ("August", "Aug"),
    ("colour", "color"), ("grey", "gray"), ("litres", "liters"), ("metres", "meters"), ("really", "rly"), ("something", "smth"), ("somebody", "someone"), ("Somebody", "Someone"), ("Nobody", "No one"), ("Everybody", "Everyone"), ("children", "kids"), ("child", "kid"), ("mother", "mum"), ("OK", "okay"), ("quickly", "quick"), ("weeks", "wks"), ("information", "info"),
)  # fmt: skip
SYNONYMS = (
    ("head", "leader"), ("budget", "funds"), ("often", "frequently"), ("sit", "work"), ("laptops", "notebooks"), ("replaced", "swapped"), ("allowed", "permitted"), ("floor", "storey"), ("register", "sign in"), ("holiday", "vacation"), ("salary", "pay"), ("bring", "take along"), ("report to", "answer to"),
    ("Show", "Display"), ("Show", "Print"), ("Show", "Output"), ("different", "distinct"), ("different", "unique"), ("above", "over"), ("below", "under"), ("below", "less than"), ("above", "greater than"), ("Find", "Locate"), ("Find", "Look up"), ("Find", "Search for"), ("highest", "largest"), ("highest", "greatest"), ("lowest", "smallest"), ("average", "mean"), ("total", "sum of the"),
    ("List", "Enumerate"), ("List", "Give"), ("in order of", "sorted by"), ("Delete", "Remove"), ("Delete", "Erase"), ("charged", "billed"), ("bill", "invoice"), ("later", "at a later time"), ("slow", "sluggish"), ("signal", "reception"), ("drop", "break off"), ("cancel", "terminate"), ("cancel", "end"), ("extend", "prolong"), ("contract", "agreement"), ("ends", "expires"), ("ends", "runs out"), ("leave", "quit"),
    ("screen", "display"), ("bought", "got"), ("broken", "defective"), ("broken", "damaged"), ("answers", "responds"), ("weather like", "forecast"), ("Set", "Start"), ("timer", "countdown"), ("train", "rail connection"), ("Empty", "Clear"), ("left", "remaining"), ("write", "compose"), ("drive", "take"), ("send", "transfer"), ("call", "phone"), ("call", "ring"), ("buy", "purchase"), ("buy", "get"),
    ("problem", "issue"), ("look at", "check"), ("somebody", "someone"), ("back", "back in"), ("says", "reports"), ("started", "began"), ("staying", "living"),
    ("got", "received"), ("job", "position"), ("smiling", "grinning"), ("died", "passed away"), ("house", "home"), ("feels", "seems"), ("party", "celebration"), ("noise", "sound"), ("dare", "have the courage"), ("scared", "afraid"), ("exam", "test"), ("raise", "increase"), ("lower", "reduce"), ("moved", "relocated"), ("city", "town"), ("near", "close to"), ("hit", "struck"), ("car", "vehicle"),
    ("asleep", "sleeping"), ("wait", "are waiting"), ("buys", "purchases"), ("travel", "journey"), ("people", "persons"), ("hold", "contain"), ("need", "require"), ("need", "use"), ("mean", "indicate"), ("fill", "refill"), ("wash", "clean"), ("switch off", "turn off"), ("made", "produced"), ("made", "manufactured"), ("sold", "available"), ("guarantee", "warranty"), ("stand", "be placed"), ("descale", "decalcify"), ("loud", "noisy"),
    ("lent", "loaned"), ("more than", "over"), ("less than", "under"), ("every", "each"), ("newest", "most recent"), ("oldest", "earliest"), ("Get", "Fetch"), ("Get", "Retrieve"), ("borrowed", "took out"), ("return", "bring back"), ("maximum", "largest"), ("minimum", "smallest"), ("Count", "Tally"), ("entries", "records"), ("per", "for each"), ("Raise", "Increase"), ("Reduce", "Lower"), ("Reduce", "Decrease"), ("rows", "records"),
    ("Turn", "Switch"), ("heating", "heater"), ("lamp", "light"), ("Dim", "Lower"), ("Put", "Add"), ("Take", "Remove"), ("shopping list", "grocery list"), ("home", "in the house"), ("someone", "somebody"), ("Let me see", "Show me"), ("Cook", "Prepare"), ("bigger", "larger"), ("eat", "have"), ("clean", "tidy"), ("waiting", "looking out"), ("come", "arrive"), ("sent", "shipped"), ("parcel", "package"), ("quickly", "fast"), ("quickly", "soon"), ("present", "gift"), ("money back", "refund"), ("driver", "courier"),
)  # fmt: skip
FILLERS = ("like", "you know,", "I mean,", "just", "actually", "kind of", "basically", "really", "uh", "um,", "er...", "hmm", "please", "well,", "sort of", "so", "honestly", "simply", "literally", "again", "maybe", "perhaps", "by the way", "I guess", "I think", "then", "exactly", "kinda", "obviously", "at all")  # fmt: skip
NUMBERS = {"2": "two", "3": "three", "4": "four", "5": "five", "6": "six", "7": "seven", "8": "eight", "12": "twelve", "13": "thirteen", "14": "fourteen", "15": "fifteen", "16": "sixteen", "18": "eighteen", "19": "nineteen", "20": "twenty", "21": "twenty-one", "30": "thirty", "50": "fifty", "80": "eighty", "200": "two hundred", "2nd": "second", "3rd": "third", "5th": "fifth", "1st": "first"}  # fmt: skip
CLOCK = (("10:30", "10.30"), ("22:30", "22.30"), ("7:00", "7.00"), ("7:00", "07:00"), ("10:30", "10:30h"), ("22:30", "10:30 pm"), ("5 pm", "5pm"), ("6 pm", "6 p.m."), ("5 pm", "5 PM"), ("6 pm", "18:00"), ("3 March", "March 3"), ("13 March", "March 13th"), ("3 March", "3rd March"), ("13 March", "13th of March"))  # fmt: skip
CHINESE = (
    ("", "你好！"), ("", "您好，打扰了。"), ("", "在吗？"), ("", "亲，"), ("", "请教一下，"), ("", "想问一下，"), ("", "麻烦问下，"), ("", "客服你好，"), ("", "老师好，"), ("", "嗨，"), ("", "不好意思，"), ("", "那个，"), ("", "帮我看看，"),
    ("谢谢！", ""), ("谢谢你的帮助。", ""), ("非常感谢！！", ""), ("麻烦尽快，谢谢", ""), ("等您回复。", ""), ("急急急！", ""), ("辛苦啦", ""), ("拜托了", ""), ("🙏", ""), ("在线等", ""), ("祝好", ""), ("……", ""), ("谢谢老师", ""), ("感谢感谢", ""),
)  # fmt: skip
CHINESE_PAIRS = (
    ("怎么办", "咋办"), ("怎么办", "如何处理"), ("坏了", "不能用了"), ("昨天", "昨日"), ("星期二", "周二"), ("星期五", "周五"), ("星期二", "礼拜二"), ("星期五", "礼拜五"), ("五点", "5点"), ("六点", "6点"), ("房间", "屋子"), ("处理", "解决"), ("声音", "噪音"), ("开始", "起"), ("，", ","), ("。", ""), ("：", ":"), ("，", " "), ("3月3日", "3月3号"), ("3月13日", "3月13号"),
    ("应该", "本该"), ("告诉", "通知"), ("但是", "可是"), ("但是", "不过"), ("没有信号", "无信号"), ("没有信号", "没信号"), ("为什么", "为啥"), ("账单", "帐单"), ("还没到", "尚未到"), ("送错了", "寄错了"), ("想退款", "要退款"), ("叫", "是"), ("我的", "我"), ("就", ""), ("包裹", "快递"), ("住在", "在"),
)  # fmt: skip


def halved(items, half: str) -> list:
    """The items of one half, parted by their checksum."""
    wanted = ("work", "unseen").index(half)
    return [item for item in items if zlib.crc32(repr(item).encode()) % 2 == wanted]


def _replaced(text: str, pairs, keep: str, rng: random.Random) -> str:
    fit = [
        (one, other) for one, other in pairs if re.search(rf"(?<!\w){re.escape(one)}(?!\w)", text) and one not in keep
    ]
    if not fit:
        return text
    one, other = rng.choice(fit)
    if not text.isascii() and not one.isascii():
        return text.replace(one, other, 1)
    return re.sub(rf"(?<!\w){re.escape(one)}(?!\w)", lambda _: other, text, count=1)


def _lower_first(text: str) -> str:
    return text if text[:2] in ("I ", "I'") else text[:1].lower() + text[1:]


def _frame(text: str, keep: str, rng: random.Random, half: str) -> str:
    first = text.split(" ")[0]
    kind = (
        "ask" if first in ("What", "Who", "How", "Where", "Which", "Is", "Does", "Are", "Has", "May", "When", "Why", "Should") else
        "order" if first in ("Show", "Find", "List", "Delete", "Get", "Count", "Raise", "Reduce", "Turn", "Dim", "Lock", "Put", "Take", "Cook", "Set", "Translate", "Empty", "Feed") else ""
    )  # fmt: skip
    fit = [frame for of, frame in halved(FRAMES, half) if of == kind]
    if not fit:
        return text
    frame = rng.choice(fit)
    return frame.format(
        text.rstrip(".") if frame.endswith("?") else _lower_first(text) if rng.random() < 0.6 else text
    ).replace("??", "?")


def _wrapper(text: str, keep: str, rng: random.Random, half: str) -> str:
    return rng.choice(halved(WRAPPERS, half)).format(text)


def _opening(text: str, keep: str, rng: random.Random, half: str) -> str:
    opening = rng.choice(halved(OPENINGS, half))
    return opening + (_lower_first(text) if opening[-2] in ",:-t" and rng.random() < 0.5 else text)


def _closing(text: str, keep: str, rng: random.Random, half: str) -> str:
    closing = rng.choice(halved(CLOSINGS, half))
    return (text.rstrip("?.") if closing.strip().islower() and rng.random() < 0.5 else text) + closing


def _number(text: str, keep: str, rng: random.Random, half: str) -> str:
    pairs = list(NUMBERS.items()) if half == "unseen" else [(a, b) for a, b in NUMBERS.items() if b[:2] not in ("tw", "fi")]  # fmt: skip
    quoted = re.findall(r"[\w:-]+", keep)
    return _replaced(text, [*((a, b) for a, b in pairs if a not in quoted or keep[:1] != "{"), *halved(CLOCK, half)], "" if keep[:1] != "{" else keep, rng)  # fmt: skip


def _filler(text: str, keep: str, rng: random.Random, half: str) -> str:
    words = text.split(" ")
    places = [i for i in range(1, len(words)) if words[i][:1].islower() and words[i - 1][-1:].islower() and f"{words[i - 1]} {words[i]}" not in keep]  # fmt: skip
    if not places:
        return text
    at = rng.choice(places)
    return " ".join([*words[:at], rng.choice(halved(FILLERS, half)), *words[at:]])


def _moved(text: str, keep: str, rng: random.Random, half: str) -> str:
    """A phrase of place or time from the end to the front (work), or two such phrases the other way round (unseen)."""
    stop = text[-1:] if text[-1:] in ".?!" else ""
    body = text.removesuffix(stop)
    found = re.search(r" ((?:in|at|on|before|for|since|near|below|above) (?:the )?[\w:]+|tomorrow|today)$", body)
    if not found or "\n" in text:
        return text
    phrase, rest = found[1], body[: found.start()]
    if half == "unseen":
        inner = re.search(r" ((?:in|at|on|from|to|near|with) (?:the )?\w+)$", rest)
        if inner:
            return f"{rest[: inner.start()]} {phrase} {inner[1]}{stop}"
    return f"{phrase[:1].upper()}{phrase[1:]}{rng.choice((',', ''))} {_lower_first(rest)}{stop}"


def _slip(text: str, keep: str, rng: random.Random, half: str) -> str:
    """Slips of the fingers: those of each half are of other kinds."""
    words = text.split(" ")
    fit = [i for i, word in enumerate(words) if word.isascii() and word.isalpha() and word.islower() and len(word) > 4 and word not in keep]  # fmt: skip
    if not fit:
        return text
    i = rng.choice(fit)
    word = words[i]
    at = rng.randrange(1, len(word) - 1)
    near = dict(zip("qwertyuiopasdfghjklzxcvbnm", "wertyuioplsdfghjklkxcvbnmn"))
    if half == "work":
        wrong = [word[:at] + word[at + 1 :], word[:at] + near[word[at]] + word[at + 1 :], word[0] + word[1:-1] + word[-1] * 3, f"{word} {word}", word[1] + word[0] + word[2:]]  # fmt: skip
    else:
        wrong = [
            word[:at] + near[word[at]] + word[at:],
            word[:at] + word[at + 1] + word[at] + word[at + 2 :],
            near[word[0]] + word[1:],
            word[:at] + " " + word[at:],
            word[:at] + word[at] * 3 + word[at + 1 :],
        ]
        if i + 1 < len(words) and words[i + 1].islower() and rng.random() < 1 / 6:
            wrong = [word + words.pop(i + 1)]
    words[i] = rng.choice(wrong)
    return " ".join(words)


def _layout(text: str, keep: str, rng: random.Random, half: str) -> str:
    safe = keep[:1] != "{" and "(" not in keep
    work = (text.lower() if safe else text, text.rstrip(".?") + "??", text.replace(" ", "  "), text.replace(", ", " ").replace("，", " "), text.replace("\n", " "), text + " \n\n", text.replace(". ", "\n"))  # fmt: skip
    unseen = (text.upper() if safe and text.isascii() else text, text.title() if safe and "'" not in text else text, text.replace(" ", "\t", 1), text.rstrip(".?") + " .", text.replace(". ", " - "), text.replace(", ", "... "), text.replace(" ", "\u00a0", 2))  # fmt: skip
    return rng.choice(work if half == "work" else unseen)


def _short(text: str, keep: str, rng: random.Random, half: str) -> str:
    return _replaced(text, halved(PAIRS, half), keep if keep[:1] == "{" else "", rng)


def _synonym(text: str, keep: str, rng: random.Random, half: str) -> str:
    return _replaced(text, halved(SYNONYMS, half), keep if keep[:1] == "{" else "", rng)


def _chinese(text: str, keep: str, rng: random.Random, half: str) -> str:
    if rng.random() < 0.5:
        return _replaced_chinese(text, halved(CHINESE_PAIRS, half), keep, rng)
    after, before = rng.choice(halved(CHINESE, half))
    return before + text + after


def _replaced_chinese(text: str, pairs, keep: str, rng: random.Random) -> str:
    fit = [(one, other) for one, other in pairs if one in text and not any(one in value for value in re.findall(r'"([^"]+)"', keep))]  # fmt: skip
    one, other = rng.choice(fit) if fit else ("", "")
    return text.replace(one, other, 1) if one else text


CHANGES: dict[str, Callable[[str, str, random.Random, str], str]] = {
    "opening": _opening, "closing": _closing, "frame": _frame, "wrapper": _wrapper, "short form": _short, "synonym": _synonym, "filler": _filler,
    "number": _number, "moved phrase": _moved, "slip": _slip, "layout": _layout,
}  # fmt: skip


def worded(kind: str, half: str, seed: int, count: int = 150, again: float = 0.6):
    """Rows of `kind` in a random order; for each whether an earlier one says the same, and what was done to it."""
    rng = random.Random(f"{kind} {half} {seed}")
    made = rows(kind, "unseen" if half == "borrowed" else half)
    rng.shuffle(made)
    placed: list[tuple[float, Row, str]] = [(rng.random(), row, "") for row in made[:count]]
    for at, (before, text, after, answer), _ in list(placed):
        if rng.random() < again:
            changed, how = reworded(text, answer, rng, half)
            placed.append((at + 1e-9 + rng.random() * (1 - at), (before, changed, after, answer), how))
    placed.sort(key=lambda item: item[0])
    return [_row(kind, half, *row) for _, row, _ in placed], [bool(how) for _, _, how in placed], [how for *_, how in placed]  # fmt: skip


def reworded(text: str, answer: str, rng: random.Random, half: str) -> tuple[str, str]:
    """`text` after one change, or two of different kinds, and their names."""
    while True:
        if half == "borrowed":
            name = rng.choice(["greeting", "farewell", "filler", "speaker", "uncertain", *["misspelled"] * 3])
            result, done = _borrowed(text, answer, rng, name), [name]
            if result != text:
                return result, name
            continue
        names = (
            ["chinese"] if re.search("[\u3400-\u9fff]", text) else rng.sample(list(CHANGES), rng.choice((1, 1, 1, 2)))
        )
        result, done = text, []
        for name in names:
            change = _chinese if name == "chinese" else CHANGES[name]
            after = change(result, answer, rng, half)
            if after != result:
                result, done = after, [*done, name]
        if done:
            return result, "+".join(done)


def _borrowed(text: str, keep: str, rng: random.Random, name: str) -> str:
    """A change whose words come from a collection of others (`source` in the file)."""
    lists = json.loads((Path(__file__).parent / "duplicate_borrowed.json").read_text(encoding="utf-8"))
    if name == "misspelled":
        fit = [word for word in re.findall("[a-z]{4,}", text) if word in lists["misspelled"] and word not in keep]
        word = rng.choice(fit) if fit else ""
        return re.sub(rf"\b{word}\b", rng.choice(lists["misspelled"][word]), text, count=1) if word else text
    if name == "greeting":
        return f"{rng.choice(lists['greetings'])}, {text}"
    if name == "farewell":
        return f"{text} {rng.choice(lists['farewells'])}."
    if name in ("speaker", "uncertain"):
        return f"{rng.choice(lists[name])} {_lower_first(text)}"
    words = text.split(" ")
    at = rng.choice([i for i in range(1, len(words)) if f"{words[i - 1]} {words[i]}" not in keep] or [0])
    return " ".join([*words[:at], rng.choice(lists["fillers"]), *words[at:]])


def _row(kind: str, half: str, before: str, text: str, after: str, answer: str) -> dict:
    if kind == "tools":
        turns = [("system", before), ("user", text + after), ("assistant", answer)]
    elif kind == "tickets":
        turns = [("user", before + text + after), ("assistant", answer)]
    else:
        return {"prompt": before + text + after, "completion": answer}
    return {"messages": [{"role": role, "content": content} for role, content in turns]}
