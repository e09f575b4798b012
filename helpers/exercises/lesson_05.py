"""The checks of notebook 05's exercises: a big batch in small pieces, and what a GPU's message says."""

from collections.abc import Callable
from types import SimpleNamespace

import torch

from helpers.exercises import exercise, wrong

ANSWERS = ((3, 5), (1, 2), (9, 4))  # answer tokens of the rows of each batch; the means of the batches are not the mean


class Model(torch.nn.Module):
    """One weight for each of four tokens; the loss is the mean over the answer tokens, the first of a row aside."""

    def __init__(self):
        super().__init__()
        self.table = torch.nn.Parameter(torch.tensor([0.5, -1.0, 2.0, 0.25]))
        self.waiting = 0  # graphs that no backward pass has freed
        self.most = 0

    def forward(self, input_ids: torch.Tensor, labels: torch.Tensor) -> SimpleNamespace:
        """`input_ids` and `labels`: (rows, tokens), int64."""
        counted = labels[:, 1:] != -100
        scores = self.table[input_ids[:, :-1]] ** 2
        if torch.is_grad_enabled():
            self.waiting += 1
            self.most = max(self.most, self.waiting)
            scores.register_hook(self._freed)
        return SimpleNamespace(loss=scores[counted].mean())

    def _freed(self, _gradient: torch.Tensor) -> None:
        self.waiting -= 1


def batches() -> list[dict[str, torch.Tensor]]:
    """Two rows of eleven tokens a batch, of which so many at the end are the answer; one row is all answer."""
    made = []
    for number, answers in enumerate(ANSWERS):
        ids = torch.arange(22).reshape(2, 11) * (number + 1) % 4
        labels = torch.full_like(ids, -100)
        for row, count in enumerate(answers):
            labels[row, -count:] = ids[row, -count:]
        made.append({"input_ids": ids, "labels": labels})
    made[0]["labels"][0] = made[0]["input_ids"][0]  # its first token is labelled, too, and is never predicted
    return made


@exercise
def accumulate(answer: Callable) -> str:
    """`answer(model, batches)` leaves in `.grad` the gradient of the loss over all answer tokens of the batches."""
    model, parts = Model(), batches()
    together = {name: torch.cat([part[name] for part in parts]) for name in parts[0]}
    wanted = _gradient(together)
    answer(model, parts)
    if model.table.grad is None:
        wrong("no gradient came: call backward on the loss of each batch")
    if model.most > 1:
        wrong(f"{model.most} graphs waited at once: that is the big batch's memory. Call backward on each loss")
    found = model.table.grad.clone()

    def equal(one: torch.Tensor, other: torch.Tensor) -> bool:
        return torch.allclose(one, other, rtol=1e-4)

    each = torch.stack([_gradient(part) for part in parts])
    means = each.sum(0)
    tokens = torch.tensor([int((part["labels"] != -100).sum()) for part in parts])
    if equal(found, means):
        wrong("the means were added up: the gradient is as many times too large as there are batches")
    if equal(found, means / len(parts)):
        wrong("each batch counts the same here, however few answer tokens it has: weigh its mean by its tokens")
    if equal(found, (each * tokens[:, None]).sum(0) / tokens.sum()):
        wrong("the first token of a row is never predicted: count labels[:, 1:]")
    if not equal(found, wanted):
        wrong(f"the gradient is {found.tolist()}, that of the big batch {wanted.tolist()}")
    answer(model, parts)
    if not equal(model.table.grad, wanted):
        wrong("called again, it adds to the gradient of before: set it to zero first")
    return "the big batch's gradient, with one batch's activations at a time."


def _gradient(part: dict[str, torch.Tensor]) -> torch.Tensor:
    model = Model()
    (gradient,) = torch.autograd.grad(model(**part).loss, model.table)
    return gradient


@exercise
def diagnose(answer: Callable) -> str:
    """`answer(asked, total, free, allocated, unallocated)`, in GiB, names the reason for the error."""
    cases = [
        ((2.0, 24.0, 0.3, 16.0, 6.9), "fragmentation", "6.9 GiB lie reserved and unused here, more than was asked for"),
        ((2.0, 24.0, 0.2, 22.8, 0.2), "full", "this process has it all in use, but for CUDA's context"),
        ((2.0, 24.0, 1.0, 10.0, 0.5), "another process", "12.5 GiB of the card are neither free nor torch's"),
        ((2.0, 24.0, 1.9, 19.4, 0.2), "full", "2.5 GiB are elsewhere, and 1 of them is CUDA's context"),
        ((2.0, 24.0, 0.5, 8.0, 3.0), "fragmentation", "both would do, and what is reserved comes first"),
    ]
    for sizes, wanted, why in cases:
        found = answer(*sizes)
        if found is None:
            wrong("it returned None: is a return missing?")
        if found != wanted:
            wrong(f"asked, total, free, allocated, unallocated = {sizes}: it said {found!r}. {why}")
    return "three reasons, three cures: an allocator's setting, another process, and only then your own settings."
