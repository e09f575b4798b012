"""Chats: a ticket and its answer as messages, rows read from files, and the loss mask that training puts over them."""

import json
from collections.abc import Sequence
from pathlib import Path

from helpers.errors import InputError
from helpers.limits import time_limit

COPIED = ("customer", "order_id", "quantity", "product", "issue")  # they stand in the ticket
LEARNED = ("category", "priority")  # how a company answers: they stand nowhere but in its past answers
FIELDS = (*COPIED, *LEARNED)
CLEAN = "run `python -m helpers clean` on the file"
TEMPLATE_SECONDS = 4.0  # for one conversation, which takes milliseconds
TEMPLATE_CHARACTERS = 1_000_000  # of a template, and of what it may add to a conversation
KEPT = ("system", "user")  # of other turns a template may change the text, or drop what was thought
REQUEST = "Extract {}. Answer as JSON."
INSTRUCTION = REQUEST.format(", ".join(FIELDS))


def answer_text(fields: dict, names: Sequence[str] = FIELDS) -> str:
    """The JSON that the model should answer, keys in the order of `names`, Chinese unescaped."""
    return json.dumps({name: fields[name] for name in names}, ensure_ascii=False)


def copied_part(messages: Sequence[dict]) -> list[dict]:
    """A ticket's training conversation with the copied fields alone: what a few dozen steps can teach."""
    _, ticket, answer = messages
    asked = {"role": "system", "content": REQUEST.format(", ".join(COPIED))}
    return [asked, ticket, {**answer, "content": answer_text(json.loads(answer["content"]), COPIED)}]


def prompt_messages(ticket_text: str) -> list[dict[str, str]]:
    """The messages that ask for a ticket's JSON, without the answer."""
    return [{"role": "system", "content": INSTRUCTION}, {"role": "user", "content": ticket_text}]


def task_messages(ticket_text: str, fields: dict) -> list[dict[str, str]]:
    """The whole training conversation of one ticket: instruction, ticket, JSON answer."""
    return [*prompt_messages(ticket_text), {"role": "assistant", "content": answer_text(fields)}]


def asks_for_tickets(row: dict) -> bool:
    """Whether a conversation is one of the course's own task."""
    return row["messages"][0]["content"] == INSTRUCTION


def read_chat(path: str | Path) -> list[dict]:
    """Rows of a JSONL file of conversations ({"messages": [...]}, the assistant's last), as `clean` writes them.

    Raises InputError with file and line for anything else.
    """
    path = Path(path)
    if not path.is_file():
        what = f"{path} is a directory" if path.is_dir() else f"there is no file {path}"
        raise InputError(f"{what}: give a JSONL file of conversations, as `python -m helpers clean` writes it")
    rows = []
    for number, line in enumerate(path.read_bytes().splitlines(), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
            messages = row["messages"]
            if not messages or not all(isinstance(m["role"], str) and isinstance(m["content"], str) for m in messages):
                raise TypeError
            if wrong := _no_answer(messages) or _half_character(line, row):
                raise InputError(f"{path}:{number}: {wrong}; mend it, or {CLEAN}")
        except InputError:
            raise
        except (ValueError, KeyError, TypeError, RecursionError):
            raise InputError(
                f'{path}:{number}: not a row {{"messages": [...]}} of text messages; {CLEAN} first'
            ) from None
        rows.append(row)
    if not rows:
        raise InputError(f"{path} holds no rows")
    return rows


def _no_answer(messages: list[dict]) -> str:
    """Why a conversation teaches no answer; '' where it does."""
    last = messages[-1]["role"]
    if last != "assistant" or len(messages) < 2:
        here = f", here it is of the role {last!r}" if last != "assistant" else ""
        return f"the last message must be the assistant's answer to a question{here}"
    answers = (m for m in messages if m["role"] == "assistant" and not m.get("tool_calls") and m.get("weight") != 0)
    return "an answer of the assistant is empty" if any(not m["content"].strip() for m in answers) else ""


def _half_character(line: bytes, row: dict) -> str:
    """What says that a row's text holds half a character, which no tokenizer takes; '' where it does not."""
    if b"\\u" in line:
        try:
            json.dumps(row, ensure_ascii=False).encode()
        except UnicodeEncodeError as error:
            return f"a text holds half a character ({ascii(error.object[error.start])})"
    return ""


def read_questions(path: str | Path) -> list[dict]:
    """The base's own held-out questions, as data/tickets/questions.jsonl holds them."""
    return [json.loads(line) for line in Path(path).read_text(encoding="utf-8").splitlines()]


def token_table(tokenizer, messages: list[dict[str, str]]) -> list[tuple[int, str, bool]]:
    """(id, text, inside the loss) for each token of one conversation, from the template's own generation markers."""
    encoded = tokenizer.apply_chat_template(messages, return_dict=True, return_assistant_tokens_mask=True)
    pairs = zip(encoded["input_ids"], encoded["assistant_masks"], strict=True)
    return [(i, tokenizer.decode([i]), bool(mask)) for i, mask in pairs]


def to_dataset(rows: Sequence[dict]):
    """Conversations as a `Dataset` of prompt and completion messages, one example for each answer of the assistant but
    those of `weight` 0, which are context only; a row's `tools` go with it.

    TRL then takes the loss on the completion alone, end of turn included, whatever the model's chat template.
    """
    from datasets import Dataset

    examples = []
    for row in rows:
        messages = [{key: value for key, value in message.items() if key != "weight"} for message in row["messages"]]
        tools = {"tools": json.dumps(row["tools"])} if row.get("tools") else {}
        examples += [
            {"prompt": messages[:i], "completion": [messages[i]], **tools}
            for i, message in enumerate(row["messages"])
            if message["role"] == "assistant" and message.get("weight") != 0 and i > 0
        ]
    called = any("tool_calls" in message for row in rows for message in row["messages"])
    # calls of different tools have different arguments: as columns of one table each would get the others', empty
    return Dataset.from_list(examples, **({"on_mixed_types": "use_json"} if called else {}))


def for_template(tokenizer, rows: Sequence[dict], what: str = "row") -> list[dict]:
    """The conversations as the model's chat template takes them.

    Where it refuses a system turn, or leaves it out of the text, that turn's text goes before the first question, as
    the makers of such models advise (Gemma, Mistral). Raises InputError, with the number of the first row that the
    template refuses, and where there is no template; `what` names a row in it.
    """
    if not tokenizer.chat_template:
        raise InputError(
            f"{tokenizer.name_or_path} has no chat template: take the instruct version of the model, or train with "
            "--chat-template FILE.jinja"
        )
    fitted = []
    for number, row in enumerate(rows, 1):
        messages = row["messages"]
        messages, _, refusal = rendered(tokenizer, row["messages"], row.get("tools"))
        if refusal:
            raise InputError(
                f"{what} {number}: the model's chat template refuses it: {refusal}; change the row, or give another "
                "template with --chat-template FILE.jinja"
            )
        fitted.append({**row, "messages": messages})
    return fitted


def read_template(path: str | Path) -> str:
    """A chat template from a file. Raises InputError if it cannot be read; rows tell whether it is a template."""
    try:
        return Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"--chat-template {path} cannot be read: {error}") from None


def rendered(tokenizer, messages: list[dict], tools: list[dict] | None = None) -> tuple[list[dict], str, str]:
    """(messages as the chat template takes them, their text, why it refuses them or ''): see `for_template`."""
    text, refusal = _rendered(tokenizer, messages, tools)
    if refusal and messages[0]["role"] == "system":
        messages = fold_system(messages)
        text, refusal = _rendered(tokenizer, messages, tools)
    return messages, text, refusal


def check_words(tokenizer, source) -> None:
    """Raise InputError if the tokenizer from `source` knows no words, only its special tokens.

    That is what transformers 5 makes of a directory of Qwen's, Gemma's or GPT-NeoX's kind that has no tokenizer files,
    and it says nothing: every text would become the unknown token, or nothing at all.
    """
    special = {*tokenizer.all_special_tokens, *map(str, tokenizer.added_tokens_decoder.values())}
    if special.issuperset(tokenizer.get_vocab()):
        raise InputError(
            f"there is no tokenizer in {source} (transformers makes one of it that knows no words): "
            "save the base's there, AutoTokenizer.from_pretrained(BASE).save_pretrained(DIRECTORY)"
        )


def check_template(tokenizer) -> None:
    """Raise InputError for a chat template that does not end, or that is or writes more than any needs to.

    One that refuses the question that is tried passes: what it takes, rows tell.
    """
    if tokenizer.chat_template:
        _rendered(tokenizer, [{"role": "user", "content": "Hello"}], None)


def _rendered(tokenizer, messages: list[dict], tools: list[dict] | None) -> tuple[str, str]:
    """A template is refused, too, where the text of a system or user turn does not come out, or the name of a tool."""
    what = f"the chat template of {getattr(tokenizer, 'name_or_path', 'the model')}"
    template, other = tokenizer.chat_template, "look at it, or give another one with --chat-template FILE.jinja"
    if isinstance(template, str) and len(template) > TEMPLATE_CHARACTERS:
        raise InputError(f"{what} has {len(template):,} characters, and needs a few thousand: {other}")
    try:
        with time_limit(TEMPLATE_SECONDS):
            text = tokenizer.apply_chat_template(messages, tools=tools, tokenize=False)
    except TimeoutError:
        raise InputError(f"{what} did not end within {TEMPLATE_SECONDS:g} s on one conversation: {other}") from None
    except Exception as error:  # a template is a program of somebody else's: it may raise anything
        return "", " ".join(str(error).split())[:300] or type(error).__name__
    if len(text) > TEMPLATE_CHARACTERS + 10 * len(str((messages, tools))):
        raise InputError(f"{what} makes {len(text):,} characters of one conversation: {other}")
    lost = [f"{m['role']} turn" for m in messages if m["role"] in KEPT and m["content"].strip() not in text]
    if not all(name in text for m in messages for name in function_names(m.get("tool_calls"))):
        lost.append("calls of tools")
    if not all(name in text for name in function_names(tools)):
        lost.append("tools")
    return text, f"it leaves the {lost[0]} out" if lost else ""


def function_names(calls: list[dict] | None) -> list[str]:
    """The names in tool calls, or in the definitions of tools, of the layouts in use."""
    inner = [call.get("function", call) for call in calls or () if isinstance(call, dict)]
    return [one["name"] for one in inner if isinstance(one, dict) and isinstance(one.get("name"), str)]


def fold_system(messages: list[dict]) -> list[dict]:
    """A conversation whose system turn stands before the first question, with an empty line between."""
    system, first, *rest = messages
    return [{**first, "content": f"{system['content']}\n\n{first['content']}"}, *rest]


def check_lengths(tokenizer, rows: Sequence[dict], max_length: float, what: str = "row", config=None) -> None:
    """Raise InputError for the first row that is longer than `max_length` tokens in the model's chat template.

    With the model's `config`, for one that is longer than the text it can read, or that holds a token it does not have,
    too. `what` names a row in it.
    """
    known = config.get_text_config().vocab_size if config else float("inf")
    most = positions(config) if config else float("inf")
    for number, row in enumerate(rows, 1):
        ids = tokenizer.apply_chat_template(row["messages"], tools=row.get("tools"), return_dict=False)
        if len(ids) > max_length:
            raise InputError(
                f"{what} {number} has {len(ids)} tokens, more than max_length {max_length}: it would be cut and never "
                f"learn to stop; raise --max-length, or clean with `--max-tokens {max_length}`, which rejects such rows"
            )
        if len(ids) > most:
            raise InputError(
                f"{what} {number} has {len(ids)} tokens, and the model reads {most} (max_position_embeddings in its "
                f"config.json): clean with `--max-tokens {most}`, which rejects such rows, or take another model"
            )
        if max(ids) >= known:
            raise InputError(
                f"{what} {number} holds {tokenizer.convert_ids_to_tokens(max(ids))!r}, token {max(ids)}, and the model "
                f"has {known} tokens: tokenizer and weights are not of one model; download it again, or resize its "
                "embeddings (resize_token_embeddings) and save it"
            )


def positions(config) -> float:
    """How many tokens a model reads, by its config; infinite where nothing says so, or its positions are stretched."""
    text = config.get_text_config()
    stretched = "factor" in str(getattr(text, "rope_parameters", None))
    return float("inf") if stretched else getattr(text, "max_position_embeddings", None) or float("inf")


def labelled(tokenizer, messages: list[dict[str, str]]) -> dict[str, list[int]]:
    """input_ids and labels of one conversation, unpadded: labels repeat the ids of the assistant's turns, end of turn
    included, and are -100 everywhere else. The tokenizer's chat template must have generation markers."""
    table = token_table(tokenizer, messages)
    return {"input_ids": [i for i, _, _ in table], "labels": [i if counts else -100 for i, _, counts in table]}


def answer_batch(tokenizer, conversations: Sequence[list[dict[str, str]]]):
    """One batch, padded as the tokenizer pads: input_ids, attention_mask, labels, each (conversations, tokens), int64.

    Labels are those of `labelled`, and -100 at padding.
    """
    from transformers import DataCollatorForSeq2Seq

    return DataCollatorForSeq2Seq(tokenizer)([labelled(tokenizer, messages) for messages in conversations])


def answer_batches(tokenizer, conversations: Sequence[list[dict[str, str]]], size: int) -> list:
    """`answer_batch` over the conversations in their order, `size` at a time."""
    starts = range(0, len(conversations), size)
    return [answer_batch(tokenizer, conversations[start : start + size]) for start in starts]
