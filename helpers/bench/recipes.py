"""The articles' recipe (pad to 1024, labels a copy of the inputs) against the course's, on the same rows."""

import tempfile
from pathlib import Path

from helpers import DATA
from helpers.bench.card import Measurement, Result
from helpers.bench.options import Options
from helpers.evaluation import read_chat
from helpers.models import load_tokenizer
from helpers.recipes import answer_row, train_by_hand, usual_row
from helpers.timing import interleave

BATCH = 8


def run(options: Options) -> Result:
    """Train `options.steps` steps with each; a real token is one of the conversation, padding is none.

    Seconds are those of `helpers.recipes.train_by_hand`: of the processor, where there is no GPU.
    """
    from transformers import DataCollatorForSeq2Seq, default_data_collator

    profile = options.profile
    tokenizer = load_tokenizer(DATA / "base" if profile.random_weights else profile.model)
    chats = read_chat(DATA / "tickets" / "clean.jsonl")[: BATCH * options.steps]
    ours, usual = ([make(tokenizer, row) for row in chats] for make in (answer_row, usual_row))
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
