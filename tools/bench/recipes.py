"""The articles' recipe (pad to 1024, labels a copy of the inputs) against the course's, on the same rows."""

import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

from helpers import DATA
from helpers.chats import labelled, read_chat
from helpers.machine import synchronise
from helpers.models import load_base, load_tokenizer
from helpers.profiles import Profile
from helpers.timing import interleave
from helpers.training import lora_config, sft_config
from tools.bench.card import Measurement, Options, Result

BATCH = 8


def run(options: Options) -> Result:
    """Train `options.steps` steps with each; a real token is one of the conversation, padding is none.

    Seconds are those of `train_by_hand`: of the processor, where there is no GPU.
    """
    from transformers import DataCollatorForSeq2Seq, default_data_collator

    profile = options.profile
    tokenizer = load_tokenizer(DATA / "base" if profile.random_weights else profile.model)
    chats = read_chat(DATA / "tickets" / "clean.jsonl")[: BATCH * options.steps]
    ours = [labelled(tokenizer, row["messages"]) for row in chats]
    usual = [usual_row(tokenizer, row) for row in chats]
    real = sum(len(row["input_ids"]) for row in ours)
    padded = DataCollatorForSeq2Seq(tokenizer, label_pad_token_id=-100)
    with tempfile.TemporaryDirectory() as folder:

        def speed(rows, collator) -> float:
            return real / train_by_hand(profile, rows, collator, options.steps, Path(folder), BATCH)[1]

        sides = {"articles": lambda: speed(usual, default_data_collator), "course": lambda: speed(ours, padded)}
        found = interleave(sides, options.repeats)
    return Result(
        settings={
            "profile": profile.name,
            "quantize": profile.quantize,
            "rows": len(chats),
            "batch": BATCH,
            "steps": options.steps,
            "real_tokens": real,
            "articles_tokens": sum(len(row["input_ids"]) for row in usual),
        },
        measurements={name: Measurement("real tokens/s", tuple(values)) for name, values in found.items()},
        ratios={"course / articles": ("course", "articles")},
        headlines=tuple(sides),
    )


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
