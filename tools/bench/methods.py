"""A training step in full, with LoRA and with QLoRA: how long it takes, what it holds, and what the articles claim."""

from collections.abc import Callable

import torch

from helpers.memory import Settings, build, measure, optimizers, plan
from helpers.memory.step import forward_loss
from helpers.timing import interleave, seconds
from tools.bench.card import Claim, Measurement, Options, Result, sides_of

MODEL = "qwen2.5-0.5b"
METHODS = ("full", "lora", "qlora")
TERMS = ("weights", "gradients", "optimizer", "activations", "peak")
RATIOS = (
    "full / lora, time",
    "full / qlora, time",
    "lora / qlora, time",
    "lora / full, peak bytes",
    "qlora / full, peak bytes",
)
CLAIMS = (
    Claim("C06", "LoRA is 3 to 10 times faster than full tuning", "full / lora, time", 3, 10),
    Claim("C07", "QLoRA is 2 to 3 times faster than full tuning", "full / qlora, time", 2, 3),
    Claim("C07", "QLoRA is faster than LoRA", "lora / qlora, time", 1, None),
    Claim("C05", "LoRA saves 70 to 90% of the memory", "lora / full, peak bytes", 0.1, 0.3),
    Claim("C05", "LoRA saves 30 to 50% of the memory", "lora / full, peak bytes", 0.5, 0.7),
    Claim("C05", "QLoRA saves 70 to 80% of the memory", "qlora / full, peak bytes", 0.2, 0.3),
)


def run(options: Options) -> Result:
    """Steps of one batch on random weights of the real widths; on the CPU with the first blocks only.

    Bytes are those that `helpers.memory.measure` counts of each method alone. They are exact, so each is one value.
    """
    gpu = torch.cuda.is_available()
    config = build.load_config(MODEL)
    if not gpu:
        config = plan.with_blocks(config, options.blocks)
    shape = dict(batch=1, length=options.length, dtype="bfloat16" if gpu else "float32", autocast=gpu)
    settings = {method: Settings(MODEL, method, **shape) for method in METHODS}
    held = {method: measure.measure(settings[method], config) for method in METHODS}
    steps = {method: stepper(settings[method], config, "cuda" if gpu else "cpu") for method in METHODS}
    found = interleave({m: lambda m=m: seconds(steps[m]) for m in METHODS}, options.repeats)
    measured = {f"{method}, time": Measurement("s", tuple(found[method])) for method in METHODS}
    for method, counted in held.items():
        for term in TERMS:
            measured[f"{method}, {term} bytes"] = Measurement("bytes", (getattr(counted, term),))
    return Result(
        settings={"model": MODEL, "blocks": config.num_hidden_layers, **shape, "rank": settings["lora"].rank},
        measurements=measured,
        ratios={name: sides_of(name) for name in RATIOS},
        headlines=tuple(f"{method}, {what}" for what in ("time", "peak bytes") for method in METHODS),
        claims=CLAIMS,
    )


def stepper(settings: Settings, config, device: str) -> Callable[[], None]:
    """A model as `helpers.memory.measure` builds it, and the call that trains it for one step."""
    model = build.materialise(build.meta_model(config, settings), settings, device)
    optimizer = optimizers.make_optimizer(build.trainable(model), settings)
    torch.manual_seed(0)
    ids = torch.randint(config.vocab_size, (settings.batch, settings.length), device=device)

    def step() -> None:
        forward_loss(model, settings, ids, ids).backward()
        optimizer.step()
        optimizer.zero_grad()

    return step
