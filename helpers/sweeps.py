"""Short seeded runs of the embedded base in a plain loop, to compare settings with one another, and their cards.

A card (data/runs, made by tools/build_runs.py) has the results of more runs than a notebook has time for; each point
says everything that its run depends on, so that it can be had again.
"""

import json
import math
import random
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from difflib import SequenceMatcher
from functools import cache

from helpers import DATA
from helpers.profiles import PROFILES

TINY = PROFILES["tiny"]
CARDS = DATA / "runs"
POOL, HELD_OUT, QUESTIONS = 1000, 24, 24


@dataclass(frozen=True)
class Setting:
    """One run: AdamW at a constant rate (after a warmup of that share of the steps) on short tickets.

    The `task` is to "extract" the JSON of a ticket's copied fields, or the other way round to "write" the ticket for
    its JSON, which has many right answers. `full` trains every weight, else LoRA on `targets` (names joined by commas).
    `clip` is the largest gradient norm (0: no clipping). Of `rows` training rows the share `noise` has another row's
    answer; `replay` times as many questions are mixed in. Losses on the sets in `watch` (names of `conversations`) are
    taken `evaluations` times, evenly spaced: a rate or an epoch is chosen on the tickets of `choosing` and judged on
    those of `held_out`. At the end `scored` tickets each of the held-out and the training set are answered and scored.
    """

    learning_rate: float = 3e-3
    full: bool = False
    rank: int = 16
    alpha: int = 32
    targets: str = "all-linear"
    dropout: float = 0.0
    weight_decay: float = 0.0
    clip: float = 1.0
    warmup: float = 0.0
    batch_size: int = 4
    steps: int = 16
    rows: int = 64
    noise: float = 0.0
    replay: float = 0.0
    watch: tuple[str, ...] = ("held_out", "choosing")
    evaluations: int = 1
    scored: int = 0
    task: str = "extract"
    seed: int = 0


@dataclass(frozen=True)
class Result:
    """What a run gave. Losses are nats per graded token, infinite once the run has diverged; `losses` has one a step,
    `curves` (step, loss) pairs for each watched set, `scores` shares by set. Seconds depend on the machine."""

    setting: Setting
    losses: list[float]
    curves: dict[str, list[tuple[int, float]]]
    scores: dict[str, dict[str, float]] = field(default_factory=dict)
    seconds: float = 0.0

    def final(self, name: str = "held_out") -> float:
        return self.curves[name][-1][1]

    def lowest(self, name: str = "held_out") -> float:
        return min(loss for _, loss in self.curves[name])


def run_setting(setting: Setting) -> Result:
    """Train once, as `setting` says. The same setting gives the same result on the same machine and threads."""
    return train(setting)[1]


def train(setting: Setting):
    """The trained model, and the `Result` of training it."""
    import torch

    from helpers.chats import answer_batch

    start = time.perf_counter()
    torch.manual_seed(setting.seed)
    model, tokenizer = build(setting), tokenizer_of_base()
    sets = conversations(setting)
    weights = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(weights, lr=setting.learning_rate, weight_decay=setting.weight_decay)
    losses: list[float] = []
    curves: dict[str, list[tuple[int, float]]] = {name: [] for name in setting.watch}
    marks = {round(setting.steps * i / setting.evaluations) for i in range(1, setting.evaluations + 1)}
    for step, chats in enumerate(batches(sets["mixed"], setting), 1):
        loss = model(**answer_batch(tokenizer, chats).to(model.device)).loss
        loss.backward()
        if setting.clip:
            torch.nn.utils.clip_grad_norm_(weights, setting.clip)
        for group in optimizer.param_groups:
            group["lr"] = rate_at(setting, step - 1)
        optimizer.step()
        optimizer.zero_grad()
        losses.append(loss.item() if loss.isfinite() else math.inf)
        if step in marks:
            for name, curve in curves.items():
                curve.append((step, mean_loss(model, tokenizer, sets[name])))
    return model, Result(setting, losses, curves, score(model, tokenizer, sets, setting), time.perf_counter() - start)


def rate_at(setting: Setting, step: int) -> float:
    """The learning rate of a step, counted from 0: a straight climb during the warmup, then constant."""
    return setting.learning_rate * min(1.0, (step + 1) / max(1, round(setting.warmup * setting.steps)))


def build(setting: Setting):
    """The base in float32, all of it trainable or with a fresh adapter."""
    from peft import LoraConfig, get_peft_model

    from helpers.models import load_base

    base = load_base(TINY, quantize=False).train()
    if setting.full:
        return base
    targets = setting.targets if setting.targets == "all-linear" else setting.targets.split(",")
    config = LoraConfig(
        r=setting.rank,
        lora_alpha=setting.alpha,
        target_modules=targets,
        lora_dropout=setting.dropout,
        task_type="CAUSAL_LM",
    )
    return get_peft_model(base, config)


@cache
def tokenizer_of_base():
    from helpers.models import load_tokenizer

    return load_tokenizer(TINY.model)


@cache
def pools() -> dict[str, list]:
    """The shortest tickets of the shipped data with their copied fields, and questions, as conversations: the same for
    every run."""
    from helpers.chats import copied_part, read_chat, read_questions

    def shortest(rows: list[dict], count: int) -> list:
        chats = [copied_part(row["messages"]) for row in rows]
        texts = [" ".join(message["content"] for message in chat) for chat in chats]
        lengths = [len(ids) for ids in tokenizer_of_base()(texts)["input_ids"]]
        return [chats[i] for i in sorted(range(len(rows)), key=lambda i: (lengths[i], i))[:count]]

    tickets = DATA / "tickets"
    unseen = shortest(read_chat(tickets / "test.jsonl"), 2 * HELD_OUT)  # in turn, so that both sets are as long
    asked = read_questions(tickets / "questions.jsonl")[: 2 * QUESTIONS]
    questions = [[*row["messages"], {"role": "assistant", "content": row["answer"]}] for row in asked]
    return {
        "train": shortest(read_chat(tickets / "clean.jsonl"), POOL),
        "held_out": unseen[::2],
        "choosing": unseen[1::2],
        "questions": questions[:QUESTIONS],
        "replay": questions[QUESTIONS:],
    }


def conversations(setting: Setting) -> dict[str, list]:
    """The sets of a run: `train` drawn from the pool by the seed, of these `wrong` with another row's answer, `mixed`
    the training rows with what is replayed, and those that are the same for every run."""
    rng = random.Random(setting.seed)
    sets = pools()
    if setting.task == "write":
        tickets = ("train", "held_out", "choosing")
        sets = {**sets, **{name: [turned_round(chat) for chat in sets[name]] for name in tickets}}
    clean = rng.sample(sets["train"], setting.rows)
    noisy = rng.sample(range(len(clean)), round(setting.noise * len(clean)))
    train = list(clean)
    for i, other in zip(noisy, noisy[1:] + noisy[:1], strict=True):
        train[i] = [*clean[i][:-1], clean[other][-1]]
    mixed = train + rng.choices(sets["replay"], k=round(setting.replay * len(train)))
    return {**sets, "train": train, "wrong": [train[i] for i in noisy], "mixed": mixed}


def turned_round(chat: Sequence[dict]) -> list[dict]:
    """The conversation that asks for the ticket, given its JSON."""
    return [
        {"role": "system", "content": "Write the ticket that belongs to this JSON."},
        {"role": "user", "content": chat[-1]["content"]},
        {"role": "assistant", "content": chat[-2]["content"]},
    ]


def batches(rows: Sequence, setting: Setting) -> Iterator[list]:
    """`setting.steps` batches; the rows are shuffled anew for every epoch."""
    rng = random.Random(setting.seed)
    waiting: list = []
    for _ in range(setting.steps):
        while len(waiting) < setting.batch_size:
            waiting += rng.sample(list(rows), len(rows))
        yield waiting[: setting.batch_size]
        waiting = waiting[setting.batch_size :]


def mean_loss(model, tokenizer, chats: Sequence) -> float:
    """Loss over the answers of all conversations, per token; infinite if it is not finite."""
    import torch

    from helpers.chats import answer_batches

    total, count, mode = 0.0, 0, model.training
    model.eval()
    with torch.no_grad():
        for batch in answer_batches(tokenizer, chats, 32):
            graded = (batch["labels"][:, 1:] != -100).sum().item()
            total += model(**batch.to(model.device)).loss.item() * graded
            count += graded
    model.train(mode)
    return total / count if math.isfinite(total) else math.inf


def score(model, tokenizer, sets: dict[str, list], setting: Setting) -> dict[str, dict[str, float]]:
    """The first `setting.scored` rows of the held-out and the training set, answered and scored."""
    judge = score_written if setting.task == "write" else score_extracted
    names = ("held_out", "train") if setting.scored else ()
    return {name: judge(model, tokenizer, sets[name][: setting.scored]) for name in names}


def score_extracted(model, tokenizer, chats: Sequence) -> dict[str, float]:
    """Shares of fields and of whole tickets right."""
    from helpers.evaluation import evaluate_tickets

    found, _ = evaluate_tickets(model, tokenizer, [{"messages": chat} for chat in chats])
    return {"fields": found.fields.value, "exact": found.exact_match.value}


def score_written(model, tokenizer, chats: Sequence) -> dict[str, float]:
    """Share of the JSON's texts that stand in what was written, and how `alike` that is to the ticket of the data (mean
    over the rows)."""
    from helpers.inference import generate

    answers = generate(model, tokenizer, [chat[:-1] for chat in chats])
    asked = [[v for v in json.loads(chat[-2]["content"]).values() if isinstance(v, str)] for chat in chats]
    right = [text in answer for answer, texts in zip(answers, asked, strict=True) for text in texts]
    ratios = [alike(answer, chat[-1]["content"]) for answer, chat in zip(answers, chats, strict=True)]
    return {"fields": sum(right) / len(right), "alike": sum(ratios) / len(ratios)}


def alike(text: str, other: str) -> float:
    """How much of two texts is the same, in order, from 0 to 1 (difflib's ratio)."""
    return SequenceMatcher(None, text, other, autojunk=False).ratio()


def mean_and_interval(values: Sequence[float]) -> tuple[float, float]:
    """Mean over the seeds and half the width of its 95% interval (Student's t); infinite with fewer than two."""
    from scipy.stats import t

    mean = sum(values) / len(values)
    if len(values) < 2 or not math.isfinite(mean):
        return mean, math.inf
    variance = sum((value - mean) ** 2 for value in values) / (len(values) - 1)
    return mean, float(t.ppf(0.975, len(values) - 1)) * math.sqrt(variance / len(values))


def by(results: Iterable[Result], key: Callable[[Setting], object]) -> dict:
    """The results grouped by what `key` says of their setting, in the order met: one group for all seeds of a value."""
    groups: dict = {}
    for result in results:
        groups.setdefault(key(result.setting), []).append(result)
    return groups


def tuned(results: Sequence[Result]) -> list[Result]:
    """Of one arm's results at several learning rates those, one a seed, at the rate whose mean loss on the tickets of
    `choosing` is lowest. They are to be judged on others."""
    rates = by(results, lambda setting: setting.learning_rate).values()
    return min(rates, key=lambda found: mean_and_interval([result.final("choosing") for result in found])[0])


def paired(
    results: Sequence[Result], others: Sequence[Result], measure: Callable[[Result], float]
) -> tuple[float, float]:
    """Mean of the differences of `measure` from `others`, seed by seed, and half the width of its 95% interval.

    ValueError if the seeds are not the same.
    """
    first, second = ({result.setting.seed: measure(result) for result in some} for some in (results, others))
    if first.keys() != second.keys():
        raise ValueError(f"seeds {sorted(first)} against {sorted(second)}: only runs of the same seeds are pairs")
    return mean_and_interval([first[seed] - second[seed] for seed in first])


@dataclass(frozen=True)
class Arm:
    """An arm of an experiment at the rate that was chosen for it: mean held-out loss, and its change against the first
    arm, paired by seed, with half the width of its 95% interval."""

    rate: float
    loss: float
    change: float
    half: float
    seeds: int

    @property
    def word(self) -> str:
        return effect(self.change, self.half)


def contest(arms: Mapping[str, Sequence[Result]], measure: Callable[[Result], float] = Result.final) -> dict[str, Arm]:
    """Each arm at its own best rate against the first of them. The first has no change, and no interval."""
    best = {name: tuned(results) for name, results in arms.items()}
    first = next(iter(best.values()))
    found = {}
    for name, results in best.items():
        change, half = paired(results, first, measure)
        loss, _ = mean_and_interval([measure(result) for result in results])
        found[name] = Arm(results[0].setting.learning_rate, loss, change, half, len(results))
    return found


def effect(mean: float, half: float) -> str:
    """What an interval of a loss's change says: it helps, harms, or is not visible (the interval holds zero)."""
    return "not visible" if abs(mean) <= half else "harms" if mean > 0 else "helps"


def stopped(result: Result, step: int) -> Result:
    """The run as it stood at the evaluation after `step` steps: at a constant rate, what a run that ends there gives.

    Scores are those of the end and left out. ValueError if there was no evaluation then.
    """
    if step not in [at for at, _ in result.curves[result.setting.watch[0]]]:
        raise ValueError(f"no evaluation after {step} steps: {result.setting}")
    curves = {name: [point for point in curve if point[0] <= step] for name, curve in result.curves.items()}
    return Result(result.setting, result.losses[:step], curves)


def best_step(results: Sequence[Result]) -> int:
    """The step of the lowest loss on the tickets of `choosing`, in the mean of the results."""
    steps = [step for step, _ in results[0].curves["choosing"]]
    means = [sum(stopped(result, step).final("choosing") for result in results) for step in steps]
    return steps[means.index(min(means))]


def load(name: str) -> dict[str, list[Result]]:
    """The results of data/runs/`name`.json, by experiment."""
    card = json.loads((CARDS / f"{name}.json").read_text(encoding="utf-8"))
    return {experiment: [from_json(point) for point in points] for experiment, points in card["points"].items()}


def to_json(result: Result) -> dict:
    """A point of a card; infinite losses are null there."""

    def number(value: float):
        return round(value, 5) if math.isfinite(value) else None

    curves = {name: [(step, number(loss)) for step, loss in curve] for name, curve in result.curves.items()}
    losses = [number(loss) for loss in result.losses]
    return {**asdict(result), "losses": losses, "curves": curves, "seconds": round(result.seconds, 1)}


def from_json(point: dict) -> Result:
    """The result that `to_json` wrote."""
    setting = Setting(**{**point["setting"], "watch": tuple(point["setting"]["watch"])})
    infinite = math.inf
    curves = {
        name: [(step, infinite if loss is None else loss) for step, loss in curve]
        for name, curve in point["curves"].items()
    }
    losses = [infinite if loss is None else loss for loss in point["losses"]]
    return Result(setting, losses, curves, point["scores"], point["seconds"])
