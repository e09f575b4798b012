"""The check of notebook 18's exercise: which layers of a model leave the range of float16."""

from collections.abc import Callable

import torch

from helpers.exercises import exercise, wrong

LIMIT = 65504.0


def model(*outputs: float) -> torch.nn.Sequential:
    """Linear layers of width 1, named "0", "1", ...: given 1, each puts out the value that is named for it."""
    layers, came_in = [], 1.0
    for value in outputs:
        layer = torch.nn.Linear(1, 1, bias=False)
        torch.nn.init.constant_(layer.weight, value / came_in)
        layers.append(layer)
        came_in = value
    return torch.nn.Sequential(*layers)


class Backwards(torch.nn.Module):
    """Two layers that run in the other order than they are defined in; both go over."""

    def __init__(self):
        super().__init__()
        self.head, self.body = model(2e5)[0], model(1e5)[0]

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return self.head(self.body(inputs))


@exercise
def overflows(answer: Callable) -> str:
    """`answer(model, inputs)` is the list of the linear layers' names with an output beyond float16."""
    one = torch.ones(1, 1)

    def found(of: torch.nn.Module) -> list[str]:
        names = answer(of, one)
        if names is None:
            wrong("it returned None: is a return missing?")
        return [str(name) for name in names]

    if not found(model(1e5, 10.0)):
        wrong("layer 0 puts out 100,000 and layer 1 brings it back to 10: look at every layer, not at the end alone")
    if not found(model(-1e5, 10.0)):
        wrong("-100,000 is out of range, too: is an abs() missing?")
    if found(model(10.0, 65000.0)):
        wrong("65,000 still fits, and weights are not outputs: the limit is torch.finfo(torch.float16).max, 65,504")
    if "1" not in found(model(1e4, 70000.0)):
        wrong("70,000 is beyond float16 with weights that are small: it is the output that counts")
    watched = model(10.0, 1e5)
    first, second = found(watched), found(watched)
    if any(layer._forward_hooks for layer in watched) or first != second:
        wrong("the model is not as it was: remove each hook with the handle that register_forward_hook returned")
    if watched[0].weight.dtype != torch.float32:
        wrong("the model is not as it was: its dtype has changed. In float16 you would see inf, and not where it began")
    if first != ["1"]:
        wrong(f"it returned {first} where layer '1' alone is beyond the range: names of torch.nn.Linear modules only")
    if found(Backwards()) != ["body", "head"]:
        wrong("the order is not the one in which the layers run: let a hook of each layer append its name")
    return "signs, the limit and the order are right, and the model is as it was. Run it before you choose fp16=True."
