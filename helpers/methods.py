"""Ways to train the embedded base on the same few tickets, each by its library's own call, and the card of their runs.

The card (data/runs/methods.json, made by tools/build_methods.py) has for each method the losses that its rate was
chosen by, on tickets that score nothing, and what its best rate gave with several seeds on the tickets that score.
"""

import json
import math
import random
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

from helpers import DATA
from helpers.sweeps import CARDS, TINY, tokenizer_of_base

CARD = CARDS / "methods.json"
STEPS, BATCH, ROWS, WARMUP, CLIP = 40, 4, 256, 4, 1.0
POOL, CHOOSING, SCORED, QUESTIONS = 1000, 60, 120, 100
ANSWER = 110  # tokens: the longest true answer has fewer
RANK, ALPHA, RATIO = 16, 32, 16.0
METHODS = ("LoRA", "QLoRA", "rsLoRA", "LoRA+", "DoRA", "PiSSA", "EVA", "OFT", "(IA)³", "prompt tuning", "full")


@dataclass(frozen=True)
class Point:
    """A run scored. `exact` and `questions` have a digit for each row in order (1: right); `fields` is the share of
    fields right, `loss` nats a token on the choosing tickets, `losses` one a step, `seconds` the processor's while it
    trained, `bytes` those of the saved weights, `wrong` answers by row (of the first seed only)."""

    method: str
    rate: float
    seed: int
    losses: list[float]
    loss: float
    exact: str
    fields: float
    questions: str
    seconds: float
    trained: int
    bytes: int
    wrong: dict[str, str]

    @property
    def share(self) -> float:
        return self.exact.count("1") / len(self.exact)

    @property
    def kept(self) -> float:
        return self.questions.count("1") / len(self.questions)


def rows() -> dict[str, list]:
    """The conversations to train on, to choose a rate by and to score, and the base's own questions: the shortest
    tickets of each language, as many of the one as of the other. No ticket is in two of them."""
    return {name: list(found) for name, found in _rows().items()}


@cache
def _rows() -> dict[str, tuple]:
    from helpers.chats import read_chat, read_questions

    tickets = DATA / "tickets"
    test = shortest(read_chat(tickets / "test.jsonl"), CHOOSING + SCORED)
    random.Random(0).shuffle(test)
    return {
        "train": tuple(shortest(read_chat(tickets / "clean.jsonl"), POOL)),
        "choosing": tuple(test[:CHOOSING]),
        "scored": tuple(test[CHOOSING:]),
        "questions": tuple(read_questions(tickets / "questions.jsonl")[:QUESTIONS]),
    }


def shortest(found: Sequence[dict], count: int) -> list:
    """The conversations of that many rows in all, half of them in each language, those with the fewest tokens; with
    the copied fields alone, since forty steps teach no codes."""
    from helpers.chats import copied_part

    chats = [copied_part(row["messages"]) for row in found]
    texts = [" ".join(message["content"] for message in chat) for chat in chats]
    lengths = [len(ids) for ids in tokenizer_of_base()(texts)["input_ids"]]
    order = sorted(range(len(found)), key=lambda i: (lengths[i], i))
    chosen = {name: [i for i in order if found[i]["language"] == name][: count // 2] for name in ("en", "zh")}
    return [chats[i] for i in sorted(sum(chosen.values(), []))]


def training_batches(seed: int) -> list[list]:
    """The batches of a run, the same for every method: rows drawn by the seed, shuffled anew for every epoch."""
    rng = random.Random(seed)
    drawn = rng.sample(rows()["train"], ROWS)
    waiting: list = []
    found = []
    for _ in range(STEPS):
        if len(waiting) < BATCH:
            waiting += rng.sample(drawn, len(drawn))
        found.append(waiting[:BATCH])
        waiting = waiting[BATCH:]
    return found


def config_of(method: str):
    """PEFT's config of a method; None for full training."""
    from peft import EvaConfig, IA3Config, LoraConfig, OFTConfig, PromptTuningConfig

    if method == "full":
        return None
    if method == "OFT":
        return OFTConfig(oft_block_size=32, target_modules="all-linear", task_type="CAUSAL_LM")
    if method == "(IA)³":
        feedforward = ["down_proj"]
        targets = ["k_proj", "v_proj", *feedforward]
        return IA3Config(target_modules=targets, feedforward_modules=feedforward, task_type="CAUSAL_LM")
    if method == "prompt tuning":
        return PromptTuningConfig(num_virtual_tokens=20, prompt_tuning_init="SAMPLE_VOCAB", task_type="CAUSAL_LM")
    variants: dict[str, dict[str, Any]] = {
        "rsLoRA": {"use_rslora": True},
        "DoRA": {"use_dora": True},
        "PiSSA": {"init_lora_weights": "pissa"},
        "EVA": {"init_lora_weights": "eva", "eva_config": EvaConfig()},
    }
    more = variants.get(method, {})  # QLoRA has another base, LoRA+ another optimizer
    return LoraConfig(r=RANK, lora_alpha=ALPHA, target_modules="all-linear", task_type="CAUSAL_LM", **more)


def prepare(base, method: str, seed: int):
    """`base` with a fresh adapter of that method; itself for full training."""
    from peft import get_peft_model, initialize_lora_eva_weights

    config = config_of(method)
    if config is None:
        return base
    model = get_peft_model(base, config, low_cpu_mem_usage=method == "EVA")
    if method == "EVA":  # A from the activations of the rows that it will train on
        initialize_lora_eva_weights(model, [dict(batch) for batch in encoded(seed)], show_progress_bar=False)
    return model


def encoded(seed: int) -> list:
    """The batches of a run as a model takes them: input_ids, attention_mask, labels, each (BATCH, tokens)."""
    from helpers.chats import answer_batch

    return [answer_batch(tokenizer_of_base(), chats) for chats in training_batches(seed)]


def optimizer_of(model, method: str, rate: float):
    """AdamW without weight decay; for LoRA+ with the higher rate for every B."""
    import torch
    from peft.optimizers import create_loraplus_optimizer

    if method == "LoRA+":
        return create_loraplus_optimizer(model, torch.optim.AdamW, lr=rate, loraplus_lr_ratio=RATIO)
    return torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=rate, weight_decay=0.0)


def train(method: str, rate: float, seed: int):
    """(model, loss of each step, processor's seconds): a short climb to the rate, then down to zero in a straight line.

    Losses are nats per graded token, infinite once the run has diverged.
    """
    import peft.optimizers  # noqa: F401  (not while the clock runs)
    import torch

    from helpers.models import load_base

    base = load_base(TINY, quantize=method == "QLoRA").train()
    batches = encoded(seed)
    torch.manual_seed(seed)
    start = time.process_time()
    model = prepare(base, method, seed).train()
    losses = fit(model, optimizer_of(model, method, rate), batches)
    return model, losses, time.process_time() - start


def fit(model, optimizer, batches: Sequence) -> list[float]:
    """The loss of each step over the batches."""
    import torch
    from transformers import get_linear_schedule_with_warmup

    schedule = get_linear_schedule_with_warmup(optimizer, WARMUP, len(batches))
    weights = [p for p in model.parameters() if p.requires_grad]
    losses = []
    for batch in batches:
        loss = model(**batch).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(weights, CLIP)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
        losses.append(loss.item() if loss.isfinite() else math.inf)
    return losses


def choosing_loss(model) -> float:
    """Nats per graded token on the tickets that a rate is chosen by."""
    from helpers.sweeps import mean_loss

    return mean_loss(model, tokenizer_of_base(), rows()["choosing"])


def score(model, together: int = 64) -> dict:
    """What a model gives on the tickets that score and on the base's own questions: the fields of a `Point`.

    `together` is how many it answers at a time.
    """
    from helpers.evaluation import parse_object, same_value, score_extraction
    from helpers.inference import generate

    sets, tokenizer = rows(), tokenizer_of_base()
    truths = [json.loads(chat[-1]["content"]) for chat in sets["scored"]]
    answers = generate(model, tokenizer, [chat[:-1] for chat in sets["scored"]], ANSWER, together)
    right = [parse_object(answer) == truth for answer, truth in zip(answers, truths, strict=True)]
    values = generate(model, tokenizer, [row["messages"] for row in sets["questions"]], 40, together)
    kept = [same_value(value, row["answer"]) for value, row in zip(values, sets["questions"], strict=True)]
    return {
        "exact": digits(right),
        "fields": round(score_extraction(answers, truths).fields.value, 4),
        "questions": digits(kept),
        "wrong": {str(i): answer for i, answer in enumerate(answers) if not right[i]},
    }


def digits(right: Sequence[bool]) -> str:
    """A digit for each row, 1 where it is right."""
    return "".join(str(int(good)) for good in right)


def saved_bytes(model) -> int:
    """Bytes of the weights that `save_pretrained` writes."""
    with tempfile.TemporaryDirectory() as folder:
        model.save_pretrained(folder)
        return sum(path.stat().st_size for path in Path(folder).glob("*.safetensors"))


def run(method: str, rate: float, seed: int) -> Point:
    """Train once and score. The same three give the same point on the same machine and threads."""
    model, losses, seconds = train(method, rate, seed)
    # PEFT gives trained prompts no positions of their own: beside a longer prompt, a padded one has another answer
    together = 1 if method == "prompt tuning" else 64
    return Point(
        method=method,
        rate=rate,
        seed=seed,
        losses=losses,
        loss=choosing_loss(model),
        seconds=seconds,
        trained=sum(p.numel() for p in model.parameters() if p.requires_grad),
        bytes=saved_bytes(model),
        **score(model, together),
    )


def load() -> dict[str, list[Point]]:
    """The points of the card by method, in the order of METHODS, each method's by seed."""
    card = read_card()
    return {method: [from_json(point) for point in card["points"] if point["method"] == method] for method in METHODS}


def read_card() -> dict:
    """The card as it was written; `choosing` has the losses that the rates were chosen by, by method and rate."""
    return json.loads(CARD.read_text(encoding="utf-8"))


def to_json(point: Point) -> dict:
    """A point as the card has it; infinite losses are null there."""

    def number(value: float):
        return round(value, 5) if math.isfinite(value) else None

    found = {**asdict(point), "loss": number(point.loss), "losses": [number(loss) for loss in point.losses]}
    return {**found, "seconds": round(point.seconds, 2)}


def from_json(point: dict) -> Point:
    """The point that `to_json` wrote."""

    def number(value: float | None) -> float:
        return math.inf if value is None else value

    losses = [number(loss) for loss in point["losses"]]
    return Point(**{**point, "loss": number(point["loss"]), "losses": losses})


def tried_rates(choosing: Sequence[dict]) -> dict[str, dict[float, list[float]]]:
    """The losses that rates were chosen by, one a seed: by method and rate, infinite where a run diverged."""
    found: dict[str, dict[float, list[float]]] = {method: {} for method in METHODS}
    for one in choosing:
        loss = math.inf if one["loss"] is None else one["loss"]
        found[one["method"]].setdefault(one["rate"], []).append(loss)
    return found


def best_rate(tried: dict[float, Sequence[float]]) -> float:
    """The rate whose losses (one a seed, on tickets that score nothing) are lowest in the mean of their logarithms."""
    return min(tried, key=lambda rate: sum(math.log(max(loss, 1e-9)) for loss in tried[rate]))


def paired(one: Sequence[str], other: Sequence[str]) -> tuple[float, float]:
    """(`one` minus `other`, half the width of its 95% interval) of rows right, for `exact` of runs with the same seeds.

    Both seeds and rows are draws: the variances of the mean over the seeds (Student's t) and over the rows (normal) are
    added, which is on the safe side, as what is peculiar to one row of one seed is in both.
    """
    from scipy.stats import t

    apart = [[int(a) - int(b) for a, b in zip(x, y, strict=True)] for x, y in zip(one, other, strict=True)]
    by_seed = [sum(row) / len(row) for row in apart]
    by_row = [sum(column) / len(column) for column in zip(*apart, strict=True)]
    seeds = float(t.ppf(0.975, len(by_seed) - 1)) ** 2 * variance_of_mean(by_seed)
    return sum(by_seed) / len(by_seed), math.sqrt(seeds + 1.96**2 * variance_of_mean(by_row))


def variance_of_mean(values: Sequence[float]) -> float:
    """The variance of the values' mean, from their spread."""
    mean = sum(values) / len(values)
    return sum((value - mean) ** 2 for value in values) / (len(values) - 1) / len(values)
