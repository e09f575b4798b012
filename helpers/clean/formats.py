"""Rows of all layouts become one kind of row: {"messages": [...]}.

What a row cannot be is refused with a reason and a sentence that says what it is and what to do (RowError).
"""

import re
import shlex
from dataclasses import dataclass, field
from typing import Any

from helpers.chats import INSTRUCTION
from helpers.clean.fields import (
    ANSWERS,
    EMPTY,
    Notes,
    Options,
    Row,
    RowError,
    as_text,
    canonical_key,
    kind_of,
    name_fields,
    no_media,
)
from helpers.clean.repair import about_markup
from helpers.clean.tool_calls import read_tools
from helpers.clean.turns import NO_TOOLS, ROLE_KEYS, is_turn, leave_out_untrained, parsed_list, read_turns

Messages = list[dict[str, Any]]

_TRANSCRIPT = re.compile(r"\s*\n\n(Human|Assistant): ?")
_CHAT = {"messages", "conversations", "instruction", "prompt", "input", "text", "chosen", "rejected", *ANSWERS}
_BAD = {"false", "undesirable", "bad", "rejected", "0"}
_PLACEHOLDER = re.compile(r"<(?:image|video|audio)(?:[-_ ]?\d+)?>|<\|(?:image|video|audio|vision)[a-z_]*\|>")
_SHELL = re.compile(r"[\s;&|<>()$`'\"*?!#\\]")
_WORD = re.compile(r"[\u3040-\u9fff]|[^\W\u3040-\u9fff]+")
_VALUE = re.compile(r"[.?!。？！]$|^[\d.,]+$|.{40}")  # a sentence or a number rather than the name of a column
_OPEN_TURN = re.compile(  # where a template lets the answer begin
    r"(?:^|\n)\s*(?:### ?(?:Response|Assistant|Output|Answer) ?:?|(?:Assistant|ASSISTANT|Bot|GPT) ?:)\s*$|"
    r"\[/INST\]\s*$|<start_of_turn>model\s*$|"
    r"<\|(?:assistant|im_start\|>assistant|start_header_id\|>assistant<\|end_header_id)\|?>?\s*$"
)
_RENDERED = re.compile(
    r"### ?(?:Instruction|Human|Response)|\[INST\]|<\|im_start\|>|<\|start_header_id\|>|<start_of_turn>"
)


@dataclass
class Chat:
    """One row as messages. `extra` holds language and id where given; `tools` their definitions."""

    messages: Messages
    extra: dict[str, str] = field(default_factory=dict)
    tools: list[dict] = field(default_factory=list)
    notes: Notes = field(default_factory=Notes)


def to_messages(value: Any, options: Options | None = None) -> Chat:
    """Turn one parsed row into a Chat. Every filled field is used, or named in its `notes.ignored`, or RowError says
    why the row is refused.

    The reasons: not_an_object, unknown_columns, missing_field, ambiguous_fields, wrong_type, bad_turns, and those of
    what is not trained here: media, tool_calls, preference, bad_answer, nothing_to_train, multiple_choice, plain_text.
    """
    row = name_fields(hoisted(value), options or Options())
    _refuse(row)
    for name in ("prompt", *ANSWERS, "chosen"):
        if name in row.values:
            row.values[name] = _unpacked(row.values[name], row)
    labels = {name: row.get(name) for name in ("language", "id")}
    chat = Chat([], notes=row.notes)
    chat.extra = {
        name: str(label) for name, label in labels.items() if isinstance(label, str | int) and str(label).strip()
    }
    chat.tools = read_tools(row.get("tools")) if row.has("tools") else []
    messages, used = _chosen(row) if row.has("chosen") else _plain(row)
    used |= {"language", "id", "history", "system", "tools"} | ({"label"} if is_kto(row) else set())
    row.notes.ignored += [row.origin[name] for name in row.values if name not in used and row.has(name)]
    _refuse_placeholders(messages)
    _refuse_rendered(messages)
    chat.messages = leave_out_untrained(messages, row.notes)
    return chat


def hoisted(value: Any) -> dict:
    """A row as an object of fields: a bare list of turns, and what one column holds that is a row of turns itself, such
    as `input` of OpenAI's preference rows, or `data`, where no other column says anything."""
    if isinstance(value, list) and value and all(map(is_turn, value)):
        return {"messages": value}
    if not isinstance(value, dict):
        raise RowError("not_an_object", f"a row must be a JSON object, this is {kind_of(value)}")
    _refuse_table(value)
    inner = value.get("input")
    outer = "input" if isinstance(inner, dict) and isinstance(inner.get("messages"), list) else None
    if outer is None and not any(canonical_key(key)[0] in _CHAT for key in value):
        outer = next((key for key in value if _holds_turns(value[key]) and not set(value) & set(value[key])), None)
    if outer is None:
        return value
    return {**value[outer], **{key: content for key, content in value.items() if key != outer}}


def _refuse_table(value: dict) -> None:
    """Raise RowError for an object that is no row but holds many: a table by columns, or a list of rows under a key."""
    filled = [part for part in value.values() if part not in EMPTY]
    by_column = len(filled) > 1 and (
        all(isinstance(part, dict) and all(map(str.isdecimal, part)) for part in filled)
        or all(isinstance(part, list) and len(part) == len(filled[0]) > 1 for part in filled)
        and all(isinstance(cell, str | int | float | None) for part in filled for cell in part)
    )
    if by_column:
        raise RowError(
            "table_by_columns",
            "one object with a list of cells for each column: write it by rows, with pandas "
            "df.to_json('rows.jsonl', orient='records', lines=True), with datasets dataset.to_json('rows.jsonl')",
        )
    if any(canonical_key(key)[0] in _CHAT for key in value):
        return
    for key, part in value.items():
        if (
            isinstance(part, list)
            and part
            and all(isinstance(row, dict) and not set(row) & set(ROLE_KEYS) for row in part)
        ):
            raise RowError(
                "rows_in_a_field", f"{len(part)} rows stand inside {key}: jq -c '.[\"{key}\"][]' FILE > rows.jsonl"
            )


def _holds_turns(value: Any) -> bool:
    """Whether `value` is a row with a list of turns."""
    return isinstance(value, dict) and any(_is_list_of_turns(value.get(name)) for name in ("messages", "conversations"))


def is_kto(row: Row) -> bool:
    """Whether the row has an answer and a label that says whether it is a good one."""
    if "label" not in row.values:
        return False
    label = row.get("label")
    judged = isinstance(label, bool) or str(label).strip().lower() in _BAD | {"true", "desirable", "good", "1"}
    return judged and row.has(*ANSWERS, "messages", "conversations")


def is_preference(row: Row) -> bool:
    """Whether the row holds a chosen or a rejected answer."""
    given = [row.get(name) for name in ("chosen", "rejected") if row.has(name)]
    return any(isinstance(value, str | list | dict) for value in given)


def _refuse(row: Row) -> None:
    """Raise RowError for what a text model cannot learn from, or must not."""
    if row.has("media"):
        raise no_media(f"the column {row.origin['media']} is filled")
    if row.has("tools") and row.get("tools") != "[]" and not row.options.takes_tools:
        raise RowError("tool_calls", NO_TOOLS.format(place=f"the row has {row.origin['tools']}"))
    if is_kto(row) and str(row.get("label")).strip().lower() in _BAD:
        raise RowError(
            "bad_answer",
            f"{row.origin['label']} is {row.get('label')!r}, so the answer is a known-bad one (KTO): to learn from it, "
            f"train with KTO; if it is no judgement, --map {row.origin['label']}=ignored",
        )
    if is_preference(row) and row.options.preference != "chosen":
        raise RowError(
            "preference",
            "a preference row (chosen, rejected), made for DPO: --preference chosen takes the chosen answer",
        )
    if row.has("choices") and not row.has("messages", "conversations"):
        raise RowError(
            "multiple_choice",
            f"{row.origin['choices']} holds the choices: write them into the question, and the answer as text",
        )


def _plain(row: Row) -> tuple[Messages, set[str]]:
    """The messages of a row that is no preference row, and the names of the fields used."""
    for name in ("messages", "conversations"):
        if row.has(name):
            return _with_system(_turns(row, row.get(name), name), row), {name}
    prompt, completion = row.get("prompt"), next((row.get(name) for name in ANSWERS if row.get(name)), None)
    if _is_list_of_turns(prompt) or _is_list_of_turns(completion):
        asked = prompt if isinstance(prompt, list) else [{"role": "user", "content": prompt}]
        said = completion if isinstance(completion, list) else [{"role": "assistant", "content": completion}]
        return _with_system(_turns(row, [*asked, *said], "prompt and completion"), row), {"prompt", *ANSWERS}
    return _single(row), {"instruction", "prompt", "input", *ANSWERS}


def _unpacked(value: Any, row: Row) -> Any:
    """Turns that a cell of a table holds as text, as a list; anything else as it is."""
    if not isinstance(value, str) or not re.match(r"\s*\[\s*\{", value):
        return value
    try:
        turns = parsed_list(value, "", Notes())
    except RowError:
        return value
    if not _is_list_of_turns(turns) or not all(set(turn) & set(ROLE_KEYS) for turn in turns):
        return value
    row.notes.repairs.append("turns_parsed_from_text")
    return turns


def _is_list_of_turns(value: Any) -> bool:
    return isinstance(value, list) and value != [] and all(map(is_turn, value))


def _chosen(row: Row) -> tuple[Messages, set[str]]:
    """The messages of a preference row with its chosen answer, and the names of the fields used."""
    chosen = row.get("chosen")
    if isinstance(chosen, str) and len(_TRANSCRIPT.findall("\n\n" + chosen.lstrip())) > 1:
        _, *pieces = _TRANSCRIPT.split("\n\n" + chosen.lstrip())
        row.notes.repairs.append("turns_parsed_from_text")
        chosen = [{"from": speaker, "value": text.strip()} for speaker, text in zip(pieces[::2], pieces[1::2])]
    chosen = [chosen] if isinstance(chosen, dict) else chosen
    if any(row.has(name) and row.get(name) != chosen for name in ANSWERS):
        raise RowError("ambiguous_fields", "the row has an answer and a chosen answer, and they differ")
    used = {"messages", "conversations", "instruction", "prompt", "input", *ANSWERS, "chosen"}
    if not isinstance(chosen, list):
        row.values["output"] = chosen
        return _single(row), used
    answer = _turns(row, chosen, "chosen")
    if any(message["role"] == "user" for message in answer):  # the whole conversation, prompt included
        return _with_system(answer, row), {"chosen", "prompt", *ANSWERS}
    prompt = next((row.get(name) for name in ("messages", "conversations", "prompt") if row.has(name)), None)
    if isinstance(prompt, list):
        return _with_system([*_turns(row, prompt, "prompt"), *answer], row), used
    row.values["output"] = answer[-1]["content"] if answer else ""
    return _single(row), used


def _turns(row: Row, turns: Any, name: str) -> Messages:
    return read_turns(turns, name, row.notes, row.options.takes_tools)


def _with_system(messages: Messages, row: Row) -> Messages:
    """`messages` after the row's own system prompt and history, as single questions have them, too."""
    system, own = _system(row), messages[:1] if messages and messages[0]["role"] == "system" else []
    if system and own and system[0]["content"].strip() != own[0]["content"].strip():
        raise RowError("ambiguous_fields", "the system column and the system turn differ: take one of them out")
    return [*(own or system), *_history(row), *messages[len(own) :]]


def _system(row: Row) -> Messages:
    given = row.get("system")
    if isinstance(given, dict):  # Gemini's {"parts": [...]}, or a whole message
        given = given.get("parts", given.get("content", given))
    text = as_text(given, "system", row.notes)
    return [{"role": "system", "content": text}] if text.strip() else []


def _history(row: Row) -> Messages:
    history = row.get("history")
    if history in (*EMPTY, "[]"):
        return []
    if isinstance(history, str):
        history = parsed_list(history, "history", row.notes)
    if isinstance(history, list) and all(isinstance(turn, list) and len(turn) == 2 for turn in history):
        texts = ([as_text(part, "history", row.notes) for part in turn] for turn in history)
        return [message for question, answer in texts for message in _pair(question, answer)]
    if _is_list_of_turns(history):
        return _turns(row, history, "history")
    raise RowError("wrong_type", "history must be a list of [question, answer], or of turns")


def _single(row: Row) -> Messages:
    asked = [name for name in ("instruction", "prompt", "input") if name in row.values]
    answers = [name for name in ANSWERS if name in row.values]
    if not asked or not answers:
        raise _no_question_or_answer(row, bool(asked), bool(answers))
    answer = next((row.get(name) for name in answers if row.get(name) not in (None, "")), "")
    texts = {name: as_text(row.get(name), name, row.notes) for name in asked}
    for name in [name for name, text in texts.items() if _RENDERED.search(text)]:
        rest = [text.strip() for other, text in texts.items() if other != name and text.strip()]
        if rest and all(text in texts[name] for text in rest):  # the other columns once more, in a template
            row.notes.ignored.append(row.origin[name])
            del texts[name]
    question = "\n\n".join(text for text in dict.fromkeys(texts.values()) if text.strip())
    return [*_system(row), *_history(row), *_pair(question, as_text(answer, answers[0], row.notes))]


def _no_question_or_answer(row: Row, asked: bool, answered: bool) -> RowError:
    """The refusal of a row without a question or an answer: it names the columns found and the --map to type."""
    spare = [row.origin[name] for name in ("text", "label") if row.has(name)] + row.notes.ignored
    if row.has("text") and len(spare) == 1 and not asked and not answered:
        made = "already written out with a template" if _RENDERED.search(str(row.get("text"))) else "no questions"
        return RowError(
            "plain_text",
            f"the column {spare[0]} alone, {made}: give the columns that it was made from; texts to go on pretraining "
            "with are not chats, and not trained here",
        )
    wanted = [name for name, there in (("question", asked), ("answer", answered)) if not there]
    what = f"no {' and no '.join(wanted)}"
    if not spare:
        return RowError("missing_field", f"{what} in the row")
    spare = [column for column in row.columns if column in spare] or spare
    values = row.unnamed | {row.origin[name]: row.get(name) for name in ("text", "label") if row.has(name)}
    longest = sorted(spare, key=lambda column: -len(_WORD.findall(str(values.get(column, "")))))[: len(wanted)]
    likely = [column for column in spare if column in longest]  # in their order
    advice = "which is which, such as " + " ".join(
        f"--map {_quoted(f'{column}={name}')}" for column, name in zip(likely, wanted)
    )
    advice += "; a first line of values wants a line of names above it" * any(map(_VALUE.search, spare))
    reason = "missing_field" if asked or answered else "unknown_columns"
    return RowError(reason, f"{what} under a name that is known; found {', '.join(spare[:8])}: tell {advice}")


def _quoted(text: str) -> str:
    """`text` as a shell takes it."""
    return shlex.quote(text) if _SHELL.search(text) else text


def _pair(question: str, answer: str) -> Messages:
    return [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]


def _refuse_placeholders(messages: Messages) -> None:
    for number, message in enumerate(messages, 1):
        found = _PLACEHOLDER.search(message["content"]) if message["role"] == "user" else None
        if found and not about_markup(message["content"]):
            raise no_media(f"message {number} holds the placeholder {found.group()}")


def _refuse_rendered(messages: Messages) -> None:
    """A question that ends where an answer begins is a text that a template was already put around."""
    for number, message in enumerate(messages, 1):
        found = _OPEN_TURN.search(message["content"]) if message["role"] == "user" else None
        if found:
            raise RowError(
                "already_rendered",
                f"message {number} ends with {found.group().strip()!r}: it is written out with a template already, and "
                "the model's own would go around that; give the texts that it was made from",
            )


def split_instruction(messages: Messages) -> Messages:
    """Where the user turn begins with the course's instruction, that becomes the system message, as everywhere else."""
    first = messages[0]
    if first["role"] != "user" or not first["content"].startswith(INSTRUCTION):
        return messages
    rest = first["content"][len(INSTRUCTION) :]
    if rest[:1] not in ("\n", " ") or not rest.strip():
        return messages
    return [{"role": "system", "content": INSTRUCTION}, {"role": "user", "content": rest.lstrip("\n ")}, *messages[1:]]
