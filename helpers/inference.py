"""Generating answers in batches, greedily, so that a score can be repeated."""

import sys
from collections.abc import Callable, Sequence

from helpers.chats import positions

Messages = list[dict[str, str]]


def generate(
    model,
    tokenizer,
    prompts: Sequence[Messages],
    max_new_tokens: int = 120,
    batch_size: int = 64,
    progress: Callable[[int, int], None] | None = None,
    tools: Sequence[list[dict] | None] = (),
) -> list[str]:
    """The model's greedy answers to chat prompts, in their order, without special tokens.

    Prompts go through the tokenizer's chat template, like the training rows, and are padded on the left: generation
    goes on from the last position of each row. Longest first, so that a batch holds prompts of like length.
    `progress` is called with (answers done, answers wanted) after each batch. `tools` are those of each prompt.
    An answer ends where the model can read no further.
    """
    import torch

    order = sorted(range(len(prompts)), key=lambda i: -sum(len(m["content"]) for m in prompts[i]))
    answers = [""] * len(prompts)
    was_training, side = model.training, tokenizer.padding_side
    model.eval()
    tokenizer.padding_side = "left"
    try:
        for start in range(0, len(order), batch_size):
            rows = order[start : start + batch_size]
            texts = [
                tokenizer.apply_chat_template(
                    prompts[i], tools=tools[i] if tools else None, add_generation_prompt=True, tokenize=False
                )
                for i in rows
            ]
            batch = tokenizer(texts, add_special_tokens=False, return_tensors="pt", padding=True).to(model.device)
            room = positions(model.config) - batch["input_ids"].shape[1]
            with torch.inference_mode():
                # None, since models such as Qwen2.5 ship sampling settings, which greedy search would warn about
                out = model.generate(
                    **model_inputs(batch),
                    pad_token_id=tokenizer.pad_token_id,
                    max_new_tokens=int(max(1, min(max_new_tokens, room))),
                    do_sample=False,
                    temperature=None,
                    top_p=None,
                    top_k=None,
                    use_cache=True,
                )
            texts = tokenizer.batch_decode(out[:, batch["input_ids"].shape[1] :], skip_special_tokens=True)
            for i, text in zip(rows, texts):
                answers[i] = text
            if progress:
                progress(min(start + batch_size, len(order)), len(order))
    finally:
        tokenizer.padding_side = side
        model.train(was_training)
    return answers


def model_inputs(batch) -> dict:
    """What a causal model takes of a tokenizer's batch; some tokenizers add token types, which models refuse."""
    return {name: batch[name] for name in ("input_ids", "attention_mask")}


def bar():
    """A progress callback for `inference.generate`: one line that moves on a terminal, nothing in a log."""
    from tqdm import tqdm

    moving = tqdm(total=None, unit=" answers", leave=False, disable=not sys.stderr.isatty())

    def progress(done: int, total: int) -> None:
        moving.total = total
        moving.update(done - moving.n)
        if done == total:
            moving.close()

    return progress
