"""Every field of every row: used, or refused with a sentence, or counted as ignored; layouts recognised by name."""

import json

import pytest
from clean_tools import clean_bytes, contents, lines

from helpers.clean.fields import Options, RowError, parse_columns
from helpers.clean.formats import to_messages
from helpers.clean.rows import clean_row, default_rules
from helpers.clean.sight import look
from helpers.errors import InputError

TURNS = [{"role": "user", "content": "Who wrote Emma?"}, {"role": "assistant", "content": "Jane Austen."}]
SHARED = [{"from": "human", "value": "Who wrote Emma?"}, {"from": "gpt", "value": "Jane Austen."}]
SYSTEM = {"role": "system", "content": "Answer as a librarian."}
CALL = {"id": "c1", "type": "function", "function": {"name": "look_up", "arguments": '{"title": "Emma"}'}}
CALLED = [TURNS[0], {"role": "assistant", "content": None, "tool_calls": [CALL]}, {"role": "tool", "content": "1815"}]
TOOL = {"type": "function", "function": {"name": "look_up", "parameters": {"type": "object"}}}
TOOLS = Options(takes_tools=True)
CHOSEN = Options(preference="chosen")


def texts(row, options: Options | None = None) -> list[str]:
    return [message["content"] for message in to_messages(row, options).messages]


@pytest.mark.parametrize(
    "row",
    [
        {"conversations": SHARED, "system": SYSTEM["content"]},
        {"messages": TURNS, "system_prompt": SYSTEM["content"]},
        {"messages": [SYSTEM, *TURNS], "system": SYSTEM["content"]},
        {"System Prompt": SYSTEM["content"], "question": "Who wrote Emma?", "response": "Jane Austen."},
        {"systemInstruction": {"parts": [{"text": SYSTEM["content"]}]},
         "contents": [{"role": "user", "parts": [{"text": "Who wrote Emma?"}]},
                      {"role": "model", "parts": [{"text": "Jane Austen."}]}]},
        {"conversation": [{"system": SYSTEM["content"], "input": "Who wrote Emma?", "output": "Jane Austen."}]},
        {"system": SYSTEM["content"], "conversation": [{"human": "Who wrote Emma?", "assistant": "Jane Austen."}]},
        {"system": SYSTEM["content"], "messages": json.dumps(TURNS)},
        {"system": SYSTEM["content"], "messages": str(TURNS)},
    ],
)  # fmt: skip
def test_a_system_prompt_becomes_the_system_turn_in_every_dialect(row):
    assert texts(row) == [SYSTEM["content"], "Who wrote Emma?", "Jane Austen."]


@pytest.mark.parametrize(
    ("row", "wanted"),
    [
        ({"instruction": "Say it", "input": "", "output": "No", "history": [["Hi", "Yes?"]]}, ["Hi", "Yes?", "Say it", "No"]),
        ({"query": "Say it", "response": "No", "history": '[["Hi", "Yes?"]]'}, ["Hi", "Yes?", "Say it", "No"]),
        ({"prompt": "a?", "completion": [{"role": "assistant", "content": "b"}]}, ["a?", "b"]),
        ({"prompt": [{"role": "user", "content": "a?"}], "answer": "b"}, ["a?", "b"]),
        ({"messages": TURNS, "history": [["Hi", "Yes?"]]}, ["Hi", "Yes?", "Who wrote Emma?", "Jane Austen."]),
        ({"question": "Who?", "context": "Emma is by Austen.", "answer": "Austen"}, ["Who?\n\nEmma is by Austen.", "Austen"]),
        ({"question": "Who?", "context": "By Austen.", "answers": {"text": ["Austen", "Austen"], "answer_start": [3, 3]}},
         ["Who?\n\nBy Austen.", "Austen"]),
        ([{"human": "a?", "assistant": "b"}, {"human": "c?", "assistant": "d"}], ["a?", "b", "c?", "d"]),
        ({"conversations": [{"from": "user", "value": "a?"}, {"from": "chatgpt", "value": "b"}]}, ["a?", "b"]),
        ({"conversation": [{"speaker": "prompter", "text": "a?"}, {"speaker": "bot", "text": "b"}]}, ["a?", "b"]),
    ],
)  # fmt: skip
def test_dialects(row, wanted):
    chat = to_messages(row)
    assert [message["content"] for message in chat.messages] == wanted and not chat.notes.ignored


@pytest.mark.parametrize(
    ("row", "reason", "words"),
    [
        ({"conversations": SHARED, "tools": [TOOL]}, "tool_calls", "--model"),
        ({"messages": TURNS, "functions": [TOOL["function"]]}, "tool_calls", "functions"),
        ({"messages": [*CALLED, TURNS[1]]}, "tool_calls", "turn 2"),
        ({"conversations": [SHARED[0], {"from": "function_call", "value": "{}"}]}, "tool_calls", "turn 2"),
        ({"conversations": SHARED, "images": ["a.png"]}, "media", "images"),
        ({"messages": TURNS, "videos": ["a.mp4"]}, "media", "videos"),
        ({"messages": TURNS, "audios": ["a.wav"]}, "media", "audios"),
        ({"instruction": "Describe it", "output": "A cat.", "image": "cat.jpg"}, "media", "--map"),
        ({"messages": [{"role": "user", "content": "<image>\nWhat is this?"}, TURNS[1]]}, "media", "<image>"),
        ({"messages": [{**TURNS[0], "images": ["a.png"]}, TURNS[1]]}, "media", "turn 1"),
        ({"messages": [{"role": "user", "content": [{"type": "text", "text": "?"}, {"type": "image_url"}]}, TURNS[1]]}, "media", "image_url"),
        ({"prompt": "a", "completion": "b", "label": False}, "bad_answer", "KTO"),
        ({"messages": TURNS, "label": "False"}, "bad_answer", "label"),
        ({"instruction": "a", "input": "", "output": "b", "kto_tag": False}, "bad_answer", "kto_tag"),
        ({"messages": [TURNS[0], {**TURNS[1], "weight": 0}]}, "nothing_to_train", "weight 0"),
        ({"messages": [TURNS[0], {**TURNS[1], "loss": False}]}, "nothing_to_train", "weight 0"),
        ({"prompt": "a", "chosen": "b", "rejected": "c"}, "preference", "--preference chosen"),
        ({"messages": TURNS, "rejected_response": "Nobody."}, "preference", "--preference chosen"),
        ({"chosen": TURNS, "rejected": TURNS}, "preference", "--preference chosen"),
        ({"conversations": [{"from": "system", "value": "A"}, *SHARED], "system": "B"}, "ambiguous_fields", "system"),
        ({"question": "a", "choices": ["x", "y"], "answer": 1}, "multiple_choice", "choices"),
        ({"text": "Once upon a time."}, "plain_text", "text"),
        ({"text": "### Instruction:\nHi\n\n### Response:\nHello"}, "plain_text", "template"),
        ({"sentence": "great film", "label": 1}, "unknown_columns", "--map sentence=question --map label=answer"),
        ({"input": "great film", "label": "positive"}, "missing_field", "--map label=answer"),
        ({"messages": [TURNS[0], {"role": "narrator", "content": "x"}]}, "bad_turns", "narrator"),
        ({"messages": ["Hi", "Hello"]}, "wrong_type", "turn 1"),
        ({"question": "a", "reply": "b", "response": "c"}, "ambiguous_fields", "--map"),
    ],
)  # fmt: skip
def test_what_cannot_be_trained_is_refused_with_a_sentence(tmp_path, row, reason, words):
    (reject,) = clean_bytes(tmp_path, lines(row))[2]
    assert reject["reason"] == reason and words in reject["detail"]


@pytest.mark.parametrize(
    ("row", "ignored"),
    [
        ({"prompt": "a", "completion": "b", "source": "web", "metadata": {"topic": "x"}, "notes": ""}, ["source", "metadata"]),
        ({"prompt": "a", "completion": "b", "reasoning": "so", "text": "a b"}, ["reasoning", "text"]),
        ({"question": "2+2?", "answer": "4", "thinking": "hmm", "label": "easy"}, ["thinking", "label"]),
        ({"messages": [{**TURNS[0], "name": "ann"}, {**TURNS[1], "reasoning_content": "so"}]}, ["turns[].name", "turns[].reasoning_content"]),
        ({"messages": TURNS, "instruction": "older", "output": "older"}, ["instruction", "output"]),
        ({"messages": [TURNS[0], {**TURNS[1], "tool_calls": [], "refusal": None, "weight": 1}], "tools": [], "images": []}, []),
        ({"prompt": "a", "completion": "b", "label": True}, []),
        ({"question": "a", "answer": "b", "task": "maths"}, ["task"]),
        ({"instruction": "a", "output": "b", "user": "ann", "result": "ok"}, ["user", "result"]),
        ({"instruction": "a", "answer": "b", "task": "maths"}, ["task"]),
    ],
)  # fmt: skip
def test_what_is_filled_and_not_used_is_counted_by_name(tmp_path, row, ignored):
    report, kept, rejects = clean_bytes(tmp_path, lines(row, {**row, "id": "other row"}))
    assert len(kept) == 1, rejects
    assert contents(kept[0])[0] in ("a", "2+2?", TURNS[0]["content"])
    assert sorted(report.fields_ignored) == sorted(ignored)
    assert set(report.fields_ignored.values()) <= {1}  # of the rows kept: the second is a duplicate


def test_csv_columns_are_counted_too(tmp_path):
    content = b",question,answer,topic\n0,a?,b,x\n1,c?,d,\n"
    report, _, _ = clean_bytes(tmp_path, content, "in.csv")
    assert report.fields_ignored == {"(no name)": 2, "topic": 1}


def test_answers_of_weight_0_are_context_and_never_trained():
    from helpers.chats import to_dataset

    more = [{"role": "user", "content": "Sure?"}, {"role": "assistant", "content": "No: Brontë."}]
    row = {"messages": [*[TURNS[0], {**TURNS[1], "weight": 0}], more[0], {**more[1], "weight": 1}]}
    clean = clean_row(row, default_rules()).row
    assert [message.get("weight") for message in clean["messages"]] == [None, 0, None, None]
    assert clean_row(clean, default_rules()).row == clean
    (example,) = to_dataset([clean])
    assert example["completion"] == [more[1]] and len(example["prompt"]) == 3
    chat = to_messages({"messages": [*TURNS, more[0], {**more[1], "weight": 0}]})
    assert len(chat.messages) == 2 and chat.notes.repairs == ["untrained_turns_cut"]


@pytest.mark.parametrize(
    "row",
    [
        {"prompt": "Who wrote Emma?", "chosen": "Jane Austen.", "rejected": "Nobody."},
        {"question": "Who wrote Emma?", "chosen": "Jane Austen.", "rejected": "Nobody."},
        {"prompt": "Who wrote Emma?", "chosen": TURNS, "rejected": TURNS},
        {"chosen": TURNS, "rejected": TURNS},
        {"prompt": TURNS[:1], "chosen": TURNS[1:], "rejected": TURNS[1:]},
        {"conversations": SHARED[:1], "chosen": SHARED[1], "rejected": SHARED[1]},
        {"messages": TURNS, "rejected_response": "Nobody."},
        {"chosen": "\n\nHuman: Who wrote Emma?\n\nAssistant: Jane Austen.", "rejected": "\n\nHuman: x\n\nAssistant: y"},
        {"input": {"messages": TURNS[:1]}, "preferred_output": TURNS[1:], "non_preferred_output": TURNS[1:]},
        {"prompt": "Who wrote Emma?", "chosen": "Jane Austen.", "rejected": "Nobody.", "response": "Jane Austen."},
    ],
)
def test_the_chosen_answer_is_taken_when_asked_for(row):
    chat = to_messages(row, CHOSEN)
    assert [message["content"] for message in chat.messages] == ["Who wrote Emma?", "Jane Austen."]
    assert any("reject" in name or "non_pref" in name for name in chat.notes.ignored)


@pytest.mark.parametrize("switch", [{"weight": 0}, {"loss": False}, {"train": False}])
def test_a_call_of_weight_0_is_context_too(switch):
    rows = [
        {"messages": [TURNS[0], {**CALLED[1], **switch}, CALLED[2], TURNS[1]]},
        {
            "conversations": [
                TURNS[0],
                {"from": "function_call", "value": json.dumps(CALL), **switch},
                CALLED[2],
                TURNS[1],
            ]
        },
    ]
    for row in rows:
        chat = to_messages(row, TOOLS)
        assert [message.get("weight") for message in chat.messages] == [None, 0, None, None]
        assert not chat.notes.ignored


def test_a_row_inside_one_column_is_that_row():
    for name, turns in (("messages", TURNS), ("conversations", SHARED)):
        row = {"split": "train", "data": {"id": "r1", name: turns, "source": "web"}}
        chat = to_messages(row)
        assert [message["content"] for message in chat.messages] == ["Who wrote Emma?", "Jane Austen."]
        assert sorted(chat.notes.ignored) == ["source", "split"] and chat.extra == {"id": "r1"}
    with pytest.raises(RowError, match="unknown_columns"):  # two ids: which one would be lost?
        to_messages({"id": "a", "data": {"id": "b", "messages": TURNS}})
    both = {"prompt": "Who?", "answer": "She.", "metadata": {"messages": TURNS}}
    assert texts(both) == ["Who?", "She."] and to_messages(both).notes.ignored == ["metadata"]


@pytest.mark.parametrize(
    "row",
    [
        {"contents": [{"role": "user", "parts": [{"text": "Who wrote Emma?"}]}]},
        {
            "messages": [
                {"role": "user", "content": [{"type": "image_url"}, {"type": "text", "text": "Who wrote Emma?"}]}
            ]
        },
        {"images": ["a.png"], "system": "Be brief.", "messages": TURNS},
        {"id": 3, "topic": "books", "question": "Who wrote Emma?", "answer": "Jane Austen."},
        {"data": {"messages": TURNS}},
    ],
)
def test_the_example_is_what_is_asked(row):
    assert look(row).example == "Who wrote Emma?"


def test_tool_calls_are_kept_whole_where_the_template_takes_tools():
    row = {"messages": [*CALLED, TURNS[1]], "tools": json.dumps([TOOL["function"]])}
    shared = {
        "conversations": [
            SHARED[0],
            {"from": "function_call", "value": '{"name": "look_up", "arguments": {"title": "Emma"}}'},
            {"from": "observation", "value": "1815"},
            SHARED[1],
        ],
        "tools": [TOOL],
    }
    for one in (row, shared):
        chat = to_messages(one, TOOLS)
        assert [message["role"] for message in chat.messages] == ["user", "assistant", "tool", "assistant"]
        (call,) = chat.messages[1]["tool_calls"]
        assert call["function"] == {"name": "look_up", "arguments": {"title": "Emma"}}
        assert chat.tools[0]["function"]["name"] == "look_up" and not chat.notes.ignored


def test_calls_of_different_tools_reach_training_with_their_own_arguments():
    from helpers.chats import to_dataset

    rows = []
    for arguments in ({"title": "Emma"}, {"year": 1815}):
        call = {"type": "function", "function": {"name": "f", "arguments": arguments}}
        rows.append(
            {"messages": [TURNS[0], {"role": "assistant", "content": "", "tool_calls": [call]}], "tools": [TOOL]}
        )
    found = [example["completion"][0]["tool_calls"][0]["function"]["arguments"] for example in to_dataset(rows)]
    assert found == [{"title": "Emma"}, {"year": 1815}]
    assert json.loads(to_dataset(rows)[0]["tools"]) == [TOOL]


@pytest.mark.parametrize(
    "maps", [["ask=question", "say=answer"], ["question=ask", "answer=say"], ["prompt=ask", "output=say"]]
)
def test_own_columns_are_named_in_either_order(maps):
    options = Options(columns=parse_columns(maps))
    assert texts({"ask": "Who?", "say": "Austen"}, options) == ["Who?", "Austen"]


def test_a_column_that_is_named_wins_over_one_that_is_guessed():
    options = Options(columns=parse_columns(["gold=answer", "image=ignored"]))
    chat = to_messages({"question": "Who?", "response": "Brontë", "gold": "Austen", "image": "x.png"}, options)
    assert chat.messages[1]["content"] == "Austen" and sorted(chat.notes.ignored) == ["image", "response"]


@pytest.mark.parametrize("text", ["ask", "ask=", "=question", "ask=say"])
def test_a_map_that_names_no_field_is_refused(text):
    with pytest.raises(InputError, match="COLUMN=FIELD"):
        parse_columns([text])


SHEETS = {
    "semicolons": "Frage;Antwort;Notiz\nWo ist 1, bitte?;Unterwegs, seit gestern.;\nWo ist 2, bitte?;Da.;x\n",
    "tabs": "Frage\tAntwort\nWo ist 1, bitte?\tUnterwegs.\nWo ist 2?\tDa.\n",
    "bars": "Frage|Antwort\nWo ist 1?|Unterwegs, seit gestern.\nWo ist 2?|Da.\n",
    "commas": 'Frage,Antwort\n"Wo ist 1; und 2?","Da; ""beide""."\n"Wo ist 3; und 4?",Da.\n',
    "a cell over two lines": 'Frage;Antwort\n"Wo ist 1,\nbitte?";Da.\nWo ist 2?;Unterwegs.\n',
    "rows of other lengths": "Frage;Antwort\nWo ist 1?;Da.;?\nWo ist 2?;Unterwegs.\nWo ist 3?;Da, wo sonst.\n",
}


@pytest.mark.parametrize("sheet", SHEETS.values(), ids=list(SHEETS))
def test_columns_of_a_spreadsheet_are_parted_whatever_they_are_called(sheet, tmp_path):
    report, kept, _ = clean_bytes(
        tmp_path, sheet.encode(), "in.csv", columns=(("Frage", "question"), ("Antwort", "answer"))
    )
    assert len(kept) == 2, report
    assert all(question.startswith("Wo ist") and ";" not in answer[-1] for question, answer in map(contents, kept))


def test_a_sheet_without_names_of_columns_is_told_to_have_some(tmp_path):
    sheet = b"Where is order 1?,It left on Monday.\nWhere is order 2?,It is here.\n"
    _, _, (refused,) = clean_bytes(tmp_path, sheet, "in.csv")
    assert "'Where is order 1?=question'" in refused["detail"] and "a line of names above it" in refused["detail"]
    _, _, (named, *_) = clean_bytes(tmp_path, b"ask,said\na,b\nc,d\n", "in.csv")
    assert named["detail"].endswith("--map ask=question --map said=answer")


def test_a_role_that_nobody_knows_says_what_is_known(tmp_path):
    row = {"conversations": [{"from": "customer", "value": "Where?"}, {"from": "clerk", "value": "Here."}]}
    _, _, (refused,) = clean_bytes(tmp_path, lines(row))
    assert "turn 2" in refused["detail"] and refused["detail"].endswith(
        "'clerk': write system, user, assistant or tool"
    )


@pytest.mark.parametrize(
    ("row", "name"),
    [
        ({"instruction": "a", "input": "", "output": "b"}, "Alpaca"),
        ({"conversations": SHARED}, "ShareGPT"),
        ({"messages": TURNS}, "messages"),
        ({"messages": [*CALLED, TURNS[1]]}, "messages with tools"),
        ({"conversations": SHARED, "images": ["x"]}, "ShareGPT with media"),
        ({"prompt": "a", "completion": "b"}, "prompt/completion"),
        ({"question": "a", "answer": "b", "context": "c"}, "question/answer table"),
        ([{"human": "a", "assistant": "b"}], "[{human, assistant}] pairs"),
        ({"prompt": "a", "chosen": "b", "rejected": "c"}, "preference (chosen, rejected)"),
        ({"prompt": "a", "completion": "b", "label": False}, "KTO (label)"),
        ({"text": "a"}, "plain text"),
        ({"foo": "a", "bar": "b"}, "unknown columns"),
        (5, "no object"),
    ],
)  # fmt: skip
def test_formats_are_recognised_by_name(row, name):
    assert look(row).format == name
