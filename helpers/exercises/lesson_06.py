"""The checks of notebook 06's exercises: labels by a marker, the fault of a run that does not learn, and its rate."""

import math
from collections.abc import Callable
from types import SimpleNamespace

import torch

from helpers.exercises import exercise, wrong

MARKER = [7, 8]


@exercise
def mask(answer: Callable) -> str:
    """`answer(ids, marker)` gives the labels of one row: only what stands behind the last `marker` is graded."""
    one = [1, 2, 7, 8, 5, 6, 9]
    found = answer(list(one), list(MARKER))
    if found is None:
        wrong("it returned None: return a list of labels, as long as ids")
    found = list(found)
    if len(found) != len(one):
        wrong(f"{len(found)} labels for {len(one)} tokens: the model shifts them itself, so keep the places")
    if found[2:4] == MARKER:
        wrong("the marker is graded, too: it is part of the question, what is learned begins behind it")
    if found != [-100] * 4 + [5, 6, 9]:
        wrong(f"the labels of {one} are {found}: -100 up to the marker, then the tokens themselves")
    twice = [1, 7, 8, 2, 7, 8, 5]
    if list(answer(list(twice), list(MARKER))) != [-100] * 6 + [5]:
        wrong("a marker stands in the question as well, and all behind it is graded: take the last one")
    if list(answer([7, 1, 7, 8, 5], list(MARKER)))[-1] != 5:
        wrong("7 alone is not the marker 7, 8: compare all of its tokens")
    for row, why in (([1, 2, 3, 4], "no marker in the row"), ([1, 2, 7, 8], "nothing behind the marker")):
        try:
            silent = answer(list(row), list(MARKER))
        except ValueError:
            continue
        wrong(f"{why}, and it gave {silent} without a word: raise a ValueError, or the run will learn nothing")
    return "each row has something to learn, or you hear of it before the run."


class Layer(torch.nn.Module):
    """A frozen number with an adapter on it: B starts at zero, so A's gradient is zero at first."""

    def __init__(self, value: float):
        super().__init__()
        self.base = torch.nn.Parameter(torch.tensor(value), requires_grad=False)
        self.lora_A = torch.nn.Parameter(torch.tensor([0.5, -0.3]))
        self.lora_B = torch.nn.Parameter(torch.zeros(2))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * (self.base + self.lora_A @ self.lora_B)


class Model(torch.nn.Module):
    """Two adapted layers and a trained norm behind them. `cut`: nothing that the layers compute has a gradient."""

    def __init__(self, cut: bool = False, frozen: bool = False):
        super().__init__()
        self.layers = torch.nn.ModuleList([Layer(0.7), Layer(1.3)])
        self.norm = torch.nn.Parameter(torch.tensor(1.0))
        self.cut = cut
        self.requires_grad_(not frozen)
        for layer in self.layers:
            layer.base.requires_grad_(False)

    def forward(self, input_ids: torch.Tensor, labels: torch.Tensor) -> SimpleNamespace:
        """`input_ids` and `labels`: (rows, tokens). The loss is the mean over graded tokens, 0 if there are none."""
        x = input_ids.float()
        for layer in self.layers:
            x = layer(x)
        x = (x.detach() if self.cut else x) * self.norm
        graded = labels != -100
        return SimpleNamespace(loss=((x - labels) ** 2 * graded).sum() / graded.sum().clamp(min=1))


def case(fault: str) -> tuple[Model, torch.optim.Optimizer, dict[str, torch.Tensor]]:
    """A model, an optimizer and a batch of two rows with that one fault, or "healthy"."""
    model = Model(cut=fault == "no gradient", frozen=fault == "frozen")
    held = Model() if fault == "optimizer" else model
    optimizer = torch.optim.AdamW(held.parameters(), lr=1e-3)
    ids = torch.tensor([[1, 2, 3], [4, 5, 6]])
    labels = torch.full_like(ids, -100)
    if fault != "labels":
        labels[1, 1:] = 2 * ids[1, 1:]  # the first row was cut before its answer
    return model, optimizer, {"input_ids": ids, "labels": labels}


WHY = {
    "healthy": "nothing is wrong there. As long as B is zero, lora_A gets no gradient: look at lora_B's. "
    "And one row without labels is not all of them",
    "labels": "no token of that batch has a label but -100, and the loss is 0",
    "frozen": "no parameter requires a gradient there: ask before backward, which would raise",
    "no gradient": "the norm behind the layers gets a gradient, and no lora_B does: one that arrives is not enough",
    "optimizer": "the optimizer holds as many tensors, and they are another model's: ask whether it is the same tensor",
}


@exercise
def find_fault(answer: Callable) -> str:
    """`answer(model, optimizer, batch)` names what keeps the adapter from learning, by one backward pass."""
    for fault, why in WHY.items():
        model, optimizer, batch = case(fault)
        try:
            found = answer(model, optimizer, batch)
        except NotImplementedError:
            raise
        except RuntimeError as error:
            wrong(f"it raised {str(error)[:60]!r} where the answer is {fault!r}: {why}")
        if found is None:
            wrong(f"it returned None where the answer is {fault!r}: return one of {', '.join(WHY)}")
        if found != fault:
            wrong(f"{found!r} where the answer is {fault!r}: {why}")
        if any(p.grad is not None and p.grad.any() for p in model.parameters()):
            wrong("it leaves its gradients behind, and the next step would add to them: set them to zero")
    return "four faults that no error message reports, told from one batch."


LOWEST, HIGHEST, MOST_RUNS = 1e-5, 1e-1, 10


@exercise
def find_rate(answer: Callable) -> str:
    """`answer(loss_at)` gives a learning rate whose loss is near the lowest; `loss_at(rate)` is a short run."""
    for best, wall in ((3e-3, 3e-2), (2e-4, 1.5e-3), (1.5e-2, 6e-2)):
        tried: list[float] = []

        def loss_at(rate: float, best: float = best, wall: float = wall, tried: list[float] = tried) -> float:
            tried.append(rate)
            if rate > wall:
                return math.nan
            far = math.log10(rate / best)
            noise = 0.02 * math.sin(1e6 * rate)  # batches differ: a plateau is never quite flat
            return 8 / (1 + math.exp(-4 * (abs(far) - 1.2))) + (0.5 * far if far > 0 else 0) + noise

        rate = answer(loss_at)
        if rate is None:
            wrong("it returned None: return the rate")
        if not tried:
            wrong("it never called loss_at: which rate is right depends on the model, so try")
        if len(tried) > MOST_RUNS:
            wrong(f"{len(tried)} runs: each costs something. {MOST_RUNS} are enough for four decades")
        if math.isnan(loss_at(rate)):
            wrong(f"at {rate:g} the loss is nan: NumPy's argmin takes a nan for the least, leave those out first")
        if rate < best / 3.2:
            wrong(
                f"{rate:g} is {best / rate:.0f} times too low: far below the best rate the loss hardly changes, so one "
                "that does not fall is no reason to stop, and steps of equal size never look there"
            )
        if rate > best * 3.2:
            wrong(
                f"{rate:g} is {rate / best:.0f} times too high: it does not diverge, and that is not yet the best one"
            )
    return f"three models, each within half a decade of its best rate, in at most {MOST_RUNS} short runs."
