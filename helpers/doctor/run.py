"""Why does this run not learn? Names the cause from what a finished or running trainer shows.

Each cause is one that a training loop does not report: it runs to its end, and the adapter is no use.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from helpers.doctor.run_facts import Adapter, Facts, Gradients, Labels, Losses, measure

# A fault in half of the rows or tensors is enough to spoil a run.
MANY = 0.5
# Before that many steps and logged losses, nothing can be said about the learning rate.
FEWEST_STEPS, FEWEST_LOSSES = 10, 4
# Shares of the first loss: a climb by a quarter of it is more than batches differ by; a run that still stands at nine
# tenths of it has learned nothing. Below FLOOR (nats per token) there is nothing left to learn.
CLIMB, STANDING, FLOOR = 0.25, 0.9, 0.1


@dataclass(frozen=True)
class Finding:
    """One cause of a run that does not learn: its name, the numbers that gave it away, and what to do."""

    cause: str
    evidence: str
    cure: str

    def __str__(self) -> str:
        return f"{self.cause}: {self.evidence}\n    -> {self.cure}"


def examine_run(trainer, rows: int = 64) -> list[Finding]:
    """The causes why `trainer`'s run does not learn, none for a healthy one.

    `trainer` is a transformers Trainer or TRL SFTTrainer with an adapter, before, during (in a callback) or after
    `train()`; it is left as it was. Before the first step only labels and gradients are judged. `rows` training rows
    are looked at. Raises InputError if they are not tokenized.
    """
    return findings(measure(trainer, rows))


def findings(facts: Facts) -> list[Finding]:
    """The causes that `facts` show. Where no gradient can arrive, what follows from that is not named as well."""
    text = list(_text(facts.labels))
    blocked = list(_blocked(facts.labels, facts.gradients))
    return text + (blocked or list(_dynamics(facts.losses, facts.adapter, facts.learning_rate)))


def _text(labels: Labels) -> Iterator[Finding]:
    rows = labels.rows
    if labels.other_template is not None and labels.other_template >= MANY * rows:
        yield Finding(
            "wrong template",
            f"in {labels.other_template} of {rows} rows the assistant's turn does not open as the model's chat template"
            " opens it",
            "write the rows as messages and let apply_chat_template (or TRL) format them, like later questions",
        )
    elif labels.without_end is not None and MANY * rows <= labels.without_end and labels.without_label < MANY * rows:
        yield Finding(
            "no end of turn",
            f"in {labels.without_end} of {rows} rows no end token is in the loss",
            "put the end token behind each answer, keep it in the labels, and cut no row: raise max_length",
        )
    if labels.padding_graded >= MANY * rows:
        yield Finding(
            "padding graded",
            f"in {labels.padding_graded} of {rows} rows the loss counts padding",
            "set the labels of padding to -100 (DataCollatorForSeq2Seq does), or let TRL pad",
        )


def _blocked(labels: Labels, gradients: Gradients) -> Iterator[Finding]:
    tensors, missed = gradients.tensors, gradients.tensors - gradients.reached
    if labels.without_label >= MANY * labels.rows:
        yield Finding(
            "labels all masked",
            f"{labels.without_label} of {labels.rows} rows have no label but -100",
            "look at one row's labels; the response template or the mask does not fit the tokens",
        )
    elif tensors == 0:
        yield Finding(
            "nothing trainable",
            "no parameter requires a gradient",
            "PeftModel.from_pretrained(base, adapter, is_trainable=True), or get_peft_model once, on the model trained",
        )
    elif gradients.cut_layers and missed >= MANY * tensors:
        yield Finding(
            "checkpointing with frozen inputs",
            f"{missed} of {tensors} tensors get no gradient; {gradients.cut_layers} layers are checkpointed with "
            "use_reentrant=True, and their inputs require no gradient",
            "use_reentrant=False, or model.enable_input_require_grads()",
        )
    elif missed >= MANY * tensors:
        yield Finding(
            "no gradient",
            f"{missed} of {tensors} trainable tensors get none, or only zeros",
            "the adapter is not on the way from input to loss: switched off, detached, or in layers packed to infer",
        )
    elif gradients.optimized < MANY * tensors:
        yield Finding(
            "adapter not in the optimizer",
            f"the optimizer holds {gradients.optimized} of {tensors} trainable tensors",
            "make the adapter first, the trainer or optimizer after it",
        )


def _dynamics(losses: Losses, adapter: Adapter, learning_rate: float) -> Iterator[Finding]:
    judged = losses.steps >= FEWEST_STEPS and losses.logged >= FEWEST_LOSSES and losses.first > FLOOR
    course = f"loss {losses.first:.2f} at first, {losses.end:.2f} at the end, |ΔW| {adapter.update_norm:.2g}"
    if losses.not_finite_at is not None or adapter.not_finite:
        where = f"from step {losses.not_finite_at} on" if losses.not_finite_at is not None else "in the adapter"
        if adapter.float16:
            yield Finding("float16 overflow", f"not finite {where}, adapter in float16", "bf16, or a float32 adapter")
        else:
            yield Finding(
                "rate too high",
                f"not finite {where}, rate {learning_rate:g}",
                "a third of the rate, until it is stable",
            )
    # A warmup begins with a rate of zero: one step alone may leave lora_B as it was.
    elif losses.steps > 1 and adapter.matrices and adapter.zero_B >= MANY * adapter.matrices:
        yield Finding(
            "adapter untouched",
            f"lora_B is still zero in {adapter.zero_B} of {adapter.matrices} matrices after {losses.steps} steps, "
            f"though gradients arrive; rate {learning_rate:g}",
            "the rate is zero (a warmup longer than the run?), or another adapter was trained",
        )
    elif judged and losses.rise > CLIMB * losses.first:
        yield Finding(
            "rate too high",
            f"the loss climbs by {losses.rise:.2f}; {course}; rate {learning_rate:g}",
            "a third of the rate, until the loss no longer climbs",
        )
    elif judged and losses.end > STANDING * losses.first:
        yield Finding(
            "rate too low",
            f"{course}; rate {learning_rate:g}, {losses.steps} steps",
            "ten times the rate; if that does not help either, look at whether answers follow from questions at all",
        )
