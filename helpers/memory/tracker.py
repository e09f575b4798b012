"""Counts the bytes that tensors hold, each storage once however many tensors look at it."""

from __future__ import annotations

import weakref
from collections.abc import Iterable, Iterator

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves


def storages(tensors: Iterable[torch.Tensor]) -> dict[int, torch.UntypedStorage]:
    """The storages under these tensors, each once, by the identity that torch gives them."""
    found = (tensor.untyped_storage() for tensor in tensors)
    return {storage._cdata: storage for storage in found}


def bytes_of(tensors: Iterable[torch.Tensor]) -> int:
    """Bytes under these tensors: views and ties share a storage and count once."""
    return sum(storage.nbytes() for storage in storages(tensors).values())


def quantization_tensors(parameter: torch.Tensor) -> Iterator[torch.Tensor]:
    """What bitsandbytes keeps beside a 4-bit weight: scales, their own scales and mean, and the tables of levels."""
    state = getattr(parameter, "quant_state", None)
    if state is not None:
        yield from (state.absmax, state.code)
        if state.nested:
            yield from (state.offset, state.state2.absmax, state.state2.code)


def scales_of_8bit(module: torch.nn.Module) -> Iterator[torch.Tensor]:
    """The scale of each row of an 8-bit layer: on its weight until the first forward, then in its state."""
    for holder in (getattr(module, "weight", None), getattr(module, "state", None)):
        scales = getattr(holder, "SCB", None)
        if isinstance(scales, torch.Tensor):
            yield scales


class StorageTracker(TorchDispatchMode):
    """A mode that follows every storage made while it is on: how many bytes are alive, and the most there were.

    It sees what the dispatcher sees: every result of every operator in forward, recomputation and backward (the CPU's
    backward runs in the caller's thread), not what an operator allocates and frees within itself. It works on fake
    tensors, too. `gradients` counts those of them that are `.grad` of the parameters given to `watch`.
    """

    def __init__(self, existing: Iterable[torch.Tensor] = ()):
        super().__init__()
        self.live = self.peak = self.gradients = self.working = 0
        self._existing = storages(existing)  # held, so that no identity is given to another one
        self._made: dict[int, tuple[int, weakref.ref]] = {}
        self._hooks: list = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        for value in tree_leaves(result):
            if isinstance(value, torch.Tensor):
                self._see(value.untyped_storage())
        return result

    def _see(self, storage: torch.UntypedStorage) -> None:
        key = storage._cdata
        if key in self._made or key in self._existing:
            return
        self._made[key] = (storage.nbytes(), weakref.ref(storage, lambda _: self._gone(key)))
        self.live += storage.nbytes()
        self.peak = max(self.peak, self.live)
        self.working = max(self.working, self.live - self.gradients)

    def _gone(self, key: int) -> None:
        self.live -= self._made.pop(key)[0]

    def next_phase(self) -> tuple[int, int]:
        """The peak of live bytes since the last call, with gradients and without; the next phase starts from now."""
        ended = self.peak, self.working
        self.peak, self.working = self.live, self.live - self.gradients
        return ended

    def watch(self, parameters: Iterable[torch.nn.Parameter]) -> None:
        """Count the gradients of `parameters` that come while the mode is on, from when each is accumulated."""

        def accumulated(parameter: torch.nn.Parameter) -> None:
            storage = parameter.grad.untyped_storage() if parameter.grad is not None else None
            if storage is not None and storage._cdata in self._made:
                self.gradients += storage.nbytes()

        self._hooks = [parameter.register_post_accumulate_grad_hook(accumulated) for parameter in parameters]

    def __exit__(self, *error):
        for hook in self._hooks:
            hook.remove()
        return super().__exit__(*error)


class AllocatorTracker:
    """The same numbers from the counters of CUDA's caching allocator, which gives out blocks of 512 bytes."""

    def __enter__(self) -> AllocatorTracker:
        torch.cuda.synchronize()
        self._before, self.gradients = torch.cuda.memory_allocated(), 0
        self._hooks: list = []
        torch.cuda.reset_peak_memory_stats()
        return self

    @property
    def live(self) -> int:
        return torch.cuda.memory_allocated() - self._before

    def next_phase(self) -> tuple[int, int]:
        """As StorageTracker's; the peak without gradients is the peak less all gradients there are at its end."""
        peak = torch.cuda.max_memory_allocated() - self._before
        torch.cuda.reset_peak_memory_stats()
        return peak, peak - self.gradients

    def watch(self, parameters: Iterable[torch.nn.Parameter]) -> None:
        def accumulated(parameter: torch.nn.Parameter) -> None:
            self.gradients += parameter.grad.nbytes if parameter.grad is not None else 0

        new = (parameter for parameter in parameters if parameter.grad is None)
        self._hooks = [parameter.register_post_accumulate_grad_hook(accumulated) for parameter in new]

    def __exit__(self, *error) -> None:
        for hook in self._hooks:
            hook.remove()
