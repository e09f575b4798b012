"""What the trainer costs: steps of the course's recipe against a bare loop of torch, on the same model and batches."""

import tempfile
import time

from helpers import DATA
from helpers.chats import read_chat
from helpers.machine import synchronise
from helpers.timing import interleave
from helpers.training import make_trainer, sft_config
from tools.bench.card import Measurement, Options, Result

BATCH = 8
RATIO = "bare loop / recipe"


def run(options: Options) -> Result:
    """Train `options.steps` steps of `BATCH` rows with each. The loop takes the trainer's own model and batches.

    Seconds are the processor's where there is no GPU, from the first step's beginning to the last one's end.
    """
    rows = read_chat(DATA / "tickets" / "clean.jsonl")[: BATCH * options.steps]
    with tempfile.TemporaryDirectory() as folder:
        settings = sft_config(
            options.profile, folder, max_steps=options.steps, per_device_train_batch_size=BATCH,
            gradient_accumulation_steps=1, disable_tqdm=True,
        )  # fmt: skip

        def fresh():
            return make_trainer(options.profile, rows, settings)

        tokens = sum(int(batch["attention_mask"].sum()) for batch in fresh().get_train_dataloader())
        sides = {"recipe": lambda: tokens / by_recipe(fresh()), "bare loop": lambda: tokens / by_hand(fresh())}
        found = interleave(sides, options.repeats)
    return Result(
        settings={
            "profile": options.profile.name,
            "quantize": options.profile.quantize,
            "dtype": options.profile.dtype,
            "batch": BATCH,
            "steps": options.steps,
            "tokens": tokens,
        },
        measurements={name: Measurement("tokens/s", tuple(values)) for name, values in found.items()},
        ratios={RATIO: ("bare loop", "recipe")},
        headlines=tuple(sides),
    )


def clock() -> float:
    """Seconds: of the processor, or of the wall where a GPU works, once it is done."""
    import torch

    synchronise()
    return time.perf_counter() if torch.cuda.is_available() else time.process_time()


def by_recipe(trainer) -> float:
    """Seconds of the trainer's own steps."""
    from transformers import TrainerCallback

    class Clock(TrainerCallback):
        def on_step_begin(self, args, state, control, **kwargs):
            self.start = clock() if state.global_step == 0 else self.start

        def on_step_end(self, args, state, control, **kwargs):
            self.end = clock()

    watch = Clock()
    trainer.add_callback(watch)
    trainer.train()
    return watch.end - watch.start


def by_hand(trainer) -> float:
    """Seconds of the same steps without the trainer: forward, backward, clipping, AdamW, schedule."""
    import torch
    from transformers import get_cosine_schedule_with_warmup

    model, args = trainer.model.train(), trainer.args
    weights = [parameter for parameter in model.parameters() if parameter.requires_grad]
    betas = (args.adam_beta1, args.adam_beta2)
    optimizer = torch.optim.AdamW(weights, lr=args.learning_rate, betas=betas, weight_decay=args.weight_decay)
    schedule = get_cosine_schedule_with_warmup(optimizer, args.get_warmup_steps(args.max_steps), args.max_steps)
    batches = iter(trainer.get_train_dataloader())
    start = clock()
    for batch in batches:
        with trainer.compute_loss_context_manager():
            loss = model(**batch).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(weights, args.max_grad_norm)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
    return clock() - start
