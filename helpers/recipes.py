"""Two ways to make rows for training, the course's and the articles', and the plain `Trainer` that takes either."""

import time
from collections.abc import Callable, Sequence
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

from helpers.machine import synchronise
from helpers.models import load_base
from helpers.profiles import Profile
from helpers.training import lora_config, sft_config, token_table


def answer_row(tokenizer, row: dict) -> dict[str, list[int]]:
    """The course's: as long as the conversation is; labels are -100 but for the tokens that the assistant wrote."""
    table = token_table(tokenizer, row["messages"])
    return {"input_ids": [i for i, _, _ in table], "labels": [i if loss else -100 for i, _, loss in table]}


def usual_row(tokenizer, row: dict, max_length: int = 1024) -> dict[str, list[int]]:
    """The articles': padded to `max_length` tokens; labels are a copy of the ids, prompt and padding included."""
    text = tokenizer.apply_chat_template(row["messages"], tokenize=False)
    encoded = tokenizer(text, padding="max_length", max_length=max_length, truncation=True)
    return {**encoded, "labels": list(encoded["input_ids"])}


def train_by_hand(
    profile: Profile, rows: Sequence[dict], collator: Callable, steps: int, out: Path, batch_size: int = 8
):
    """Train a new adapter for `steps` with transformers' own `Trainer`; returns (trainer, seconds of training).

    Seconds are those of the processor where there is no GPU, so that other work on the machine does not count.
    """
    import torch
    from peft import get_peft_model
    from transformers import Trainer, TrainingArguments

    torch.manual_seed(0)
    names = "learning_rate lr_scheduler_type warmup_steps use_cpu bf16 fp16 seed report_to save_strategy".split()
    settings = {name: getattr(sft_config(profile, out), name) for name in names}
    settings |= dict(max_steps=steps, per_device_train_batch_size=batch_size, logging_steps=1, disable_tqdm=True)
    model = get_peft_model(load_base(profile), lora_config(profile))
    trainer = Trainer(model, TrainingArguments(str(out), **settings), train_dataset=rows, data_collator=collator)
    clock = time.perf_counter if torch.cuda.is_available() else time.process_time
    start = clock()
    with redirect_stdout(StringIO()):
        trainer.train()
    synchronise()
    return trainer, clock() - start
