"""Padded batches of chats for plain torch loops; the loss counts the assistant's answers only."""

from __future__ import annotations

from collections.abc import Sequence


def answer_batch(tokenizer, conversations: Sequence[list[dict[str, str]]]):
    """One batch, padded as the tokenizer pads: input_ids, attention_mask, labels, each (conversations, tokens), int64.

    Labels repeat the ids of the assistant's turns, end-of-turn included, and are -100 everywhere else. The tokenizer's
    chat template must have generation markers.
    """
    from transformers import DataCollatorForSeq2Seq

    examples = []
    for messages in conversations:
        tokens = tokenizer.apply_chat_template(messages, return_dict=True, return_assistant_tokens_mask=True)
        ids, counted = tokens["input_ids"], tokens["assistant_masks"]
        labels = [token if counts else -100 for token, counts in zip(ids, counted, strict=True)]
        examples.append({"input_ids": ids, "attention_mask": [1] * len(ids), "labels": labels})
    return DataCollatorForSeq2Seq(tokenizer)(examples)


def answer_batches(tokenizer, conversations: Sequence[list[dict[str, str]]], size: int) -> list:
    """`answer_batch` over the conversations in their order, `size` at a time."""
    starts = range(0, len(conversations), size)
    return [answer_batch(tokenizer, conversations[start : start + size]) for start in starts]
