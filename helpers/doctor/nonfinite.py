"""Where does the first number that is not finite come from: which module, in which forward pass, and why there?"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import torch


@dataclass(frozen=True)
class Finding:
    """The first module whose output holds inf or NaN: the forward pass (from 1), its dotted name, and what broke it.

    `why` is "inputs" when a tensor came in broken, "weights" when the module's own are, else "overflow": finite numbers
    went in and met finite weights, and the result left the range of `dtype`.
    """

    forward: int
    module: str
    why: str
    dtype: str

    def __str__(self) -> str:
        return f"forward {self.forward}, {self.module} ({self.dtype}): {self.why}"


@contextmanager
def first_nonfinite(model) -> Iterator[list[Finding]]:
    """Watch every forward pass of a transformers or PEFT model inside the block; the list gets at most one Finding.

    A module's hook runs after those of its parts, so the first to complain is the smallest module that is to blame.
    Passes are counted at the input embedding, through whatever wrapper the model is called; with gradient
    accumulation each micro-batch is one. Each output is read once, which costs a few percent of the time.
    """
    found: list[Finding] = []
    passes = 0

    def count(module, args, output):
        nonlocal passes
        passes += 1

    def check(name: str):
        def hook(module, args, kwargs, output):
            if not found and not is_finite(output):
                own = dict(module.named_parameters(recurse=False))
                why = "weights" if nonfinite_names(own) else "overflow" if is_finite((args, kwargs)) else "inputs"
                dtype = next(str(tensor.dtype).removeprefix("torch.") for tensor in tensors(output))
                found.append(Finding(passes, name or type(module).__name__, why, dtype))

        return hook

    handles = [model.get_input_embeddings().register_forward_hook(count)]
    handles += [m.register_forward_hook(check(name), with_kwargs=True) for name, m in model.named_modules()]
    try:
        yield found
    finally:
        for handle in handles:
            handle.remove()


def tensors(value) -> Iterator[torch.Tensor]:
    """The tensors inside nested tuples, lists and mappings, as modules take and return them."""
    if isinstance(value, torch.Tensor):
        yield value
    elif isinstance(value, Mapping):
        yield from tensors(tuple(value.values()))
    elif isinstance(value, Iterable) and not isinstance(value, str | bytes):
        for item in value:
            yield from tensors(item)


def is_finite(value) -> bool:
    """Whether no tensor inside `value` holds inf or NaN."""
    return all(bool(torch.isfinite(tensor).all()) for tensor in tensors(value))


def nonfinite_names(named: Mapping[str, torch.Tensor]) -> list[str]:
    """The names of the tensors that hold inf or NaN: of a state_dict, of gradients, of a safetensors file."""
    return [name for name, tensor in named.items() if not is_finite(tensor)]
