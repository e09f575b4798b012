"""Duplicates, leaks into the held-out rows, and splits that near duplicates never straddle."""

import itertools
import random

import pytest
from clean_tools import ask, clean_bytes, contents, lines
from duplicate_pairs import files
from duplicate_sets import FIRST, HELD_OUT, KINDS, SECOND, Score, labelled
from duplicate_styles import styled
from duplicate_wordings import worded

from helpers.chats import task_messages
from helpers.clean import group_rows, split_rows
from helpers.clean.duplicates import jaccard, prompt_text, shingles
from helpers.errors import InputError
from tools.tickets.learned import company_ticket
from tools.tickets.tickets import Ticket

LONG = "Please explain to me in simple words what a low-rank adapter is, how it is trained, and why it needs so little memory."
ANSWER = "It is a pair of small matrices that is added to a frozen layer, so only few numbers are trained and kept."
CHINESE = "请用简单的话解释一下什么是低秩适配器，它是怎么训练的，为什么只需要很少的显存就可以完成微调？"
CHINESE_ANSWER = "它是加在冻结层旁边的一对小矩阵，训练时只更新这两个矩阵，所以占用的显存很少。"


def verdicts(tmp_path, *rows, **options) -> list[str]:
    _, kept, rejects = clean_bytes(tmp_path, lines(*rows), **options)
    found = {reject["line"]: reject["reason"] for reject in rejects}
    return [found.get(number, "kept") for number in range(1, len(rows) + 1)]


@pytest.mark.parametrize(
    ("question", "answer", "verdict"),
    [
        (LONG, ANSWER, "duplicate"), (f"  {LONG}\n", ANSWER, "duplicate"), (LONG.replace("words", "wo\u200brds"), ANSWER, "duplicate"),
        (LONG.replace(",", ";").lower(), ANSWER, "near_duplicate"), (LONG + " Thank you!", ANSWER, "near_duplicate"),
        (LONG.replace("simple words", "plain words"), ANSWER, "near_duplicate"), (LONG.replace("a low-rank", "the DoRA"), ANSWER, "kept"),
        (LONG.replace("is trained", "is not trained"), ANSWER, "kept"), (LONG.replace("little", "64 GB"), ANSWER, "kept"), (LONG, "I do not know.", "kept"),
    ],
)  # fmt: skip
def test_general_rows(tmp_path, question, answer, verdict):
    assert verdicts(tmp_path, ask(LONG, ANSWER), ask(question, answer)) == ["kept", verdict]


@pytest.mark.parametrize(
    ("question", "verdict"),
    [
        (CHINESE.replace("，", " ").replace("？", "?"), "near_duplicate"), (CHINESE + "谢谢", "near_duplicate"), (CHINESE.replace("低秩适配器", "LoRA适配器"), "kept"),
        (CHINESE.replace("很少的", "16G的"), "kept"), ("张伟想知道：" + CHINESE, "kept"), (CHINESE.replace("只需要", "不需要"), "kept"),
    ],
)  # fmt: skip
def test_chinese_rows(tmp_path, question, verdict):
    assert verdicts(tmp_path, ask(CHINESE, CHINESE_ANSWER), ask(question, CHINESE_ANSWER)) == ["kept", verdict]


def scored(folder, sets) -> Score:
    """What is said of the rows of each of `sets` against what is true of them."""
    real = found = right = 0
    for rows, truth in sets:
        said = [verdict in ("duplicate", "near_duplicate") for verdict in verdicts(folder, *rows, max_tokens=10_000)]
        real, found = real + sum(truth), found + sum(said)
        right += sum(a and b for a, b in zip(truth, said))
    return Score(real, found, right)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_near_duplicates_of_five_kinds(tmp_path, kind):
    """Each world holds the precision; the recall is that of the kind, and of no world below 0.9."""
    scores = [
        scored(tmp_path, [labelled(kind, world, seed) for seed in (11, 12)]) for world in (FIRST, SECOND, HELD_OUT)
    ]
    assert all(score.real > 30 and score.precision >= 0.99 and score.recall >= 0.9 for score in scores), scores
    assert sum(score.right for score in scores) >= 0.95 * sum(score.real for score in scores), scores


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_near_duplicates_in_other_styles(tmp_path, kind):
    score = scored(tmp_path, [styled(kind, 3)])
    assert score.real >= 30 and score.precision >= 0.99 and score.recall >= 0.95, score


FLOORS = {  # of the recall: just below what was measured
    "work": {**dict.fromkeys(KINDS, 0.93), "retrieval": 0.88},
    "unseen": {"tickets": 0.93, "classification": 0.85, "retrieval": 0.87, "sql": 0.9, "tools": 0.85},
    "borrowed": {"tickets": 0.93, "classification": 0.58, "retrieval": 0.5, "sql": 0.8, "tools": 0.6},
}


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("half", FLOORS)
def test_near_duplicates_in_other_words(tmp_path, half, kind):
    """Rows that were there when the rules were made, rows that were not, and those in words that others collected."""
    score = scored(tmp_path, [worded(kind, half, seed)[:2] for seed in (1, 2)])
    assert score.real >= 60 and score.precision >= 0.99 and score.recall >= FLOORS[half][kind], score


PAIR_FLOORS = {"tickets": 0.9, "classification": 0.92, "retrieval": 0.85, "sql": 0.88, "tools": 0.9}


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["open", "held"])
def test_near_duplicates_by_hand(tmp_path, name, kind):
    """Of all the others one is taken for the same: a word with an accent, in no list."""
    said = [
        (truth, verdict != "kept")
        for rows, truths in files(name, kind)
        for truth, verdict in zip(truths, verdicts(tmp_path, *rows, max_tokens=10_000))
    ]
    found = [same for truth, same in said if truth]
    assert sum(same for truth, same in said if not truth) <= (kind == "retrieval" and name == "held"), said
    assert sum(found) >= PAIR_FLOORS[kind] * len(found), sum(found) / len(found)


YES_OR_NO = "Say whether the reader may do it, answer with yes or no.\n\nReader: "


@pytest.mark.parametrize(
    ("one", "other", "verdict"),
    [
        ("does the car stand in the yard", "does the card stand in the yard", "kept"), ("is a map of iran in the hall", "is a map of iraq in the hall", "kept"),
        ("may i take the form home", "may i take the from home", "kept"), ("does it affect my loan", "does it effect my loan", "kept"), ("is the cat asleep", "is the car asleep", "kept"),
        ("ist das haus offen", "ist die maus offen", "kept"), ("does the map affect my loan", "does the map afefct my loan", "near_duplicate"), ("is the colour right", "is the color right", "near_duplicate"),
        ("is the catalogue disappointing", "is the catalog dissapointing", "near_duplicate"), ("are the books mine", "is the book mine", "near_duplicate"), ("is the dress mine", "are the dresses mine", "near_duplicate"),
        ("somebody has taken my map", "somebody's taken my map", "near_duplicate"), ("i come on 4 may", "i come on May 4th", "near_duplicate"), ("i come on 4 may", "i come on May 5th", "kept"),
        ("turn off the old lamp", "turn the old lamp off", "near_duplicate"), ("turn off the old lamp", "turn the old lamp on", "kept"),
        ("the guard called the porter and the porter left the hall", "the porter left the hall and the guard called the porter", "near_duplicate"),
        ("the guard called the porter and the porter left the hall", "the porter called the guard and the guard left the hall", "kept"), ("how can i bring it back", "how do i bring it back", "near_duplicate"),
        ("is desk no. 5 free", "is desk number 5 free", "near_duplicate"), ("我三点来", "我3点来", "near_duplicate"), ("我三点来", "我4点来", "kept"), ("who is the guard", "who was the guard", "kept"),
    ],
)  # fmt: skip
def test_short_answers_forgive_no_other_word(tmp_path, one, other, verdict):
    assert verdicts(tmp_path, ask(YES_OR_NO + one, "yes"), ask(YES_OR_NO + other, "yes")) == ["kept", verdict]


@pytest.mark.parametrize(
    ("word", "other"), [("noise", "nose"), ("weeks", "days"), ("losing", "finding"), ("in the hall", "behind the hall")]
)
def test_a_long_answer_forgives_no_other_word_either(tmp_path, word, other):
    question = "The old radio of Ada Lind, bought in spring, was losing its station and made a noise in the hall for weeks now."
    answer = '{"customer": "Ada Lind", "product": "radio", "bought": "spring", "order": null}'
    changed = question.replace(f" {word} ", f" {other} ")
    assert verdicts(tmp_path, ask(question, answer), ask(changed, answer)) == ["kept", "kept"]


INSTRUCTION = (
    "You are given a message that somebody wrote to the help desk of a library. Decide whether it is about opening hours, about a "
    "loan or about an event, do not guess from single words, and answer with one word in lower case: hours, loan or event.\n\nMessage: "
)


@pytest.mark.parametrize(
    ("one", "other", "verdict"),
    [
        ("is the reading room open", "is the map room open", "kept"), ("is the reading room open", "Is the Reading Room open?", "near_duplicate"),
        ("is the reading room open", "is the reading room not open", "kept"), ("is the reading room open", "is the raeding room open", "near_duplicate"),
        ("open at 9", "open at 10", "kept"), ("when do you open", "when do you close", "kept"), ("is it open before noon", "is it open after noon", "kept"),
        ("is the reading room open", "hello, is the reading room open? thanks a lot", "near_duplicate"), ("is Mara in", "is Maria in", "kept"),
        ("can i come in legal holidays", "can i come in illegal holidays", "kept"),
        ("is the reading room open", "By the way, is the reading room open? I'd appreciate an answer", "near_duplicate"),
        ("is the reading room open", "well, is raeding room open", "near_duplicate"), ("is it near the river", "is it close to the river", "near_duplicate"),
        ("is it near the river", "is it far from the river", "kept"), ("does the map hang well", "does the map hang", "kept"), ("is there one more desk", "is there a desk", "kept"),
    ],
)  # fmt: skip
def test_what_is_left_of_a_long_instruction_decides(tmp_path, one, other, verdict):
    others = [ask(f"{INSTRUCTION}can i borrow the {thing}", "loan") for thing in ("atlas", "film", "score")]
    assert verdicts(tmp_path, *others, ask(INSTRUCTION + one, "hours"), ask(INSTRUCTION + other, "hours"))[3:] == [
        "kept",
        verdict,
    ]
    assert verdicts(tmp_path, ask(INSTRUCTION + one, "hours"), ask(INSTRUCTION + one, "loan")) == ["kept", "kept"]


@pytest.mark.parametrize(
    ("one", "other", "verdict"),
    [
        ("when does the map room open in winter", "in winter, when does the map room open", "near_duplicate"), ("do you send books from lille to oslo", "do you send books to oslo from lille", "near_duplicate"),
        ("do you send books from lille to oslo", "do you send books from oslo to lille", "kept"), ("does the porter call the guard", "does the guard call the porter", "kept"),
        ("the room is not open for 12 days", "the room isnt open for twelve days", "near_duplicate"), ("the room is open for 12 days", "the room is open for twenty days", "kept"), ("the room is open for 21 days", "the room is open for twenty-one days", "near_duplicate"),
        ("is the map room open at 10:30", "is the map room open at 10.30", "near_duplicate"), ("is the map room open at 10:30", "is the map room open at 11.30", "kept"), ("what is open and who is in", "whats open and whos in", "near_duplicate"),
        ("who is in the map room", "Question: who is in the map room\nAnswer:", "near_duplicate"), ("who is in the map room", "> who is in the the map room", "near_duplicate"), ("who is in the map room", "who is, i mean, in the map roommm", "near_duplicate"),
        ("the guard charged us by the hour", "the guard billed us by the hour", "near_duplicate"), ("show the hours of the map room", "could you show the hours of the map room", "near_duplicate"), ("can i pay by the hour", "will you pay by the hour", "kept"),
        ("who is in the map room", "who is in the map room, looking forward to hearing from you", "near_duplicate"), ("may i look at the map", "may i loook at the map", "near_duplicate"), ("is a desk free in hall 2", "is a desk free in hall 2 before noon", "kept"),
        ("阅览室今天开门吗", "请教一下，阅览室今日开门吗", "near_duplicate"), ("阅览室明天开门吗", "阅览室明天下午开门吗", "kept"), ("阅览室星期二几点开门", "阅览室周二几点开门", "near_duplicate"), ("阅览室星期二几点开门", "阅览室周三几点开门", "kept"),
    ],
)  # fmt: skip
def test_another_wording_of_the_same_question(tmp_path, one, other, verdict):
    others = [ask(f"{INSTRUCTION}can i borrow the {thing}", "loan") for thing in ("atlas", "film", "score")]
    rows = [*others, ask(INSTRUCTION + one, "hours"), ask(INSTRUCTION + other, "hours")]
    assert verdicts(tmp_path, *rows)[3:] == ["kept", verdict]


def test_near_duplicates_are_kept_on_demand_and_the_threshold_is_heeded(tmp_path):
    question = "Explain to me in a few words how a tide comes about, and mention the moon and the sun."
    answer = "The moon and the sun pull on the water, and the earth turns below the bulges that they raise."
    rows = [
        ask(question, answer),
        ask(question + " Thanks!", answer),
        ask(question.replace("mention", "name").replace("comes about", "forms"), answer),
    ]
    assert verdicts(tmp_path, *rows) == ["kept", "near_duplicate", "kept"]
    assert verdicts(tmp_path, *rows, near_threshold=0.4) == ["kept", "near_duplicate", "near_duplicate"]
    assert verdicts(tmp_path, *rows, rows[1], near_threshold=None) == ["kept", "kept", "kept", "duplicate"]
    for wrong in (0, 1.5):
        with pytest.raises(InputError, match="threshold"):
            verdicts(tmp_path, *rows, near_threshold=wrong)


def row(ticket: Ticket) -> dict:
    return {"messages": task_messages(ticket.text, ticket.fields)}


def changed(ticket: Ticket, **fields) -> Ticket:
    text = ticket.text
    for name, value in fields.items():
        text = text.replace(str(ticket.fields[name]), str(value))
    return Ticket(text, ticket.fields | fields, ticket.language)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_tickets_of_one_phrasing_are_not_duplicates(tmp_path, language):
    ticket = company_ticket(random.Random(5), language, held_out=False)
    other_name = "Olga Benz" if language == "en" else "欧阳明"
    twins = [
        changed(ticket, order_id="ZX-90817"),
        changed(ticket, customer=other_name),
        changed(ticket, issue="it" if language == "en" else "坏"),
    ]
    again = Ticket(ticket.text + (" Thanks!" if language == "en" else "谢谢！"), ticket.fields, language)
    assert verdicts(tmp_path, row(ticket), *map(row, twins), row(again)) == ["kept"] * 4 + ["near_duplicate"]
    leaked = verdicts(tmp_path, row(ticket), *map(row, twins), row(again), holdout=[tmp_path / "in.jsonl"])
    assert leaked == ["leaks_into_holdout"] * 5


def test_leaks(tmp_path):
    test = tmp_path / "test.jsonl"
    ticket = company_ticket(random.Random(8), "en", held_out=True)
    test.write_bytes(lines(row(ticket), {"prompt": LONG}, ask("Short", "1")))
    rows = [
        row(ticket),
        row(changed(ticket, order_id="ZX-90817")),
        row(Ticket(ticket.text + " Many thanks!", ticket.fields, "en")),
        ask(LONG.upper(), "A"),
        ask("Shorter", "1"),
    ]
    expected = ["leaks_into_holdout", "kept", "leaks_into_holdout", "leaks_into_holdout", "kept"]
    assert verdicts(tmp_path, *rows, holdout=[test]) == expected


def families(count: int) -> list[dict]:
    """Rows in families of one to four near duplicates, both languages, shuffled."""
    rng, rows = random.Random(3), []
    for number in range(count):
        ticket = company_ticket(rng, ("en", "zh")[number % 2], held_out=False)
        for copy in range(rng.choice((1, 1, 1, 2, 4))):
            text = changed(ticket, order_id=f"K{number}-{copy}")
            rows.append(
                {
                    "messages": task_messages(text.text, text.fields),
                    "language": ticket.language,
                    "id": f"{number}-{copy}",
                }
            )
    rng.shuffle(rows)
    return rows


@pytest.mark.parametrize("share", [0.1, 0.3])
def test_near_duplicates_never_straddle_the_split(share):
    rows = families(150)
    split = split_rows(rows, share, seed=1)
    assert len(split.train) + len(split.validation) == len(rows)
    marks = [[shingles(prompt_text(r["messages"])) for r in side] for side in (split.train, split.validation)]
    assert max(jaccard(a, b) for a, b in itertools.product(*marks)) < 0.8
    kin = [{r["id"].split("-")[0] for r in side} for side in (split.train, split.validation)]
    assert not kin[0] & kin[1]
    for language in ("en", "zh"):
        whole, part = (sum(r["language"] == language for r in side) for side in (rows, split.validation))
        assert abs(part - share * whole) <= 2
    assert split_rows(rows, share, seed=1) == split and split_rows(rows, share, seed=2) != split


WORDS = [f"{number * 48271 % 99991:05d}" for number in range(1, 21)]


def test_equal_prompts_with_other_answers_stay_together():
    rows = [
        {"messages": [{"role": "user", "content": WORDS[n // 5] * 3}, {"role": "assistant", "content": str(n)}]}
        for n in range(100)
    ]
    groups = group_rows(rows)
    assert all(len(set(groups[n : n + 5])) == 1 for n in range(0, 100, 5)) and len(set(groups)) == 20
    split = split_rows(rows, 0.1)
    assert len(split.validation) == 10
    assert not {contents(r)[0] for r in split.train} & {contents(r)[0] for r in split.validation}


def test_small_and_wrong_splits():
    rows = [
        {"messages": [{"role": "user", "content": text}, {"role": "assistant", "content": "yes"}]}
        for text in ("Is a whale a fish?", "退货吗")
    ]
    assert (
        len(split_rows(rows).validation) == 1
        and not split_rows(rows, 0).validation
        and not split_rows(rows[:1]).validation
    )
    assert split_rows([]).train == []
    for share in (-0.1, 1, 7):
        with pytest.raises(InputError):
            split_rows(rows, share)
