"""How a ticket and its answer become chat messages. One instruction, one place."""

import json

FIELDS = ("customer", "order_id", "quantity", "product", "issue")
INSTRUCTION = "Extract the ticket as JSON: " + ", ".join(FIELDS) + "."


def answer_text(fields: dict) -> str:
    """The JSON that the model should answer, keys in the order of FIELDS, Chinese unescaped."""
    return json.dumps({name: fields[name] for name in FIELDS}, ensure_ascii=False)


def prompt_messages(ticket_text: str) -> list[dict[str, str]]:
    """The messages that ask for a ticket's JSON, without the answer."""
    return [{"role": "system", "content": INSTRUCTION}, {"role": "user", "content": ticket_text}]


def task_messages(ticket_text: str, fields: dict) -> list[dict[str, str]]:
    """The whole training conversation of one ticket: instruction, ticket, JSON answer."""
    return [*prompt_messages(ticket_text), {"role": "assistant", "content": answer_text(fields)}]
