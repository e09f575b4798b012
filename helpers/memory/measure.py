"""Counts the bytes of a real training step: on the CPU tensor by tensor, on a GPU by the allocator."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import bitsandbytes as bnb
import torch
from torch.utils._pytree import tree_leaves

from helpers import lora_math
from helpers.memory import build, optimizers
from helpers.memory.plan import assemble
from helpers.memory.settings import Settings
from helpers.memory.step import (
    autocast_copies,
    blocks_of,
    causal_model,
    forward_loss,
    static_bytes,
    static_tensors,
    watch_step,
)
from helpers.memory.terms import Plan


def measure(settings: Settings, config=None, device: str | None = None) -> Plan:
    """Build the model with random weights, train two steps, count the second; the same terms as `plan.estimate`.

    On the CPU, activations are the saved-for-backward tensors (`SavedTensors`) and the moments follow every storage;
    a GPU (`device` "cuda", the default where there is one) is asked for what its allocator gave out, so that its
    figures include rounding to blocks of 512 bytes.
    """
    device = device or ("cuda" if torch.cuda.is_available() else "cpu")
    settings = replace(settings, device=device)
    model = build.meta_model(config or build.load_config(settings.model), settings)
    total = lora_math.parameter_count(model)
    build.materialise(model, settings, device)
    parameters = build.trainable(model)
    optimizer = optimizers.make_optimizer(parameters, settings)
    # The first step makes the optimizer's state, of whatever batch; a GPU's libraries also make their workspace in it.
    shape = (1, 2) if device == "cpu" else (settings.batch, settings.length)
    ids = torch.zeros(shape, dtype=torch.long, device=device)
    forward_loss(model, settings, ids, ids).backward()
    optimizer.step()
    with SavedTensors(model) as saved:
        step = watch_step(model, settings, device, at_head=saved.stop)
    if settings.checkpointing and settings.autocast:
        saved.add_autocast_copies(model)
    if device == "cpu":
        step = replace(step, held=saved.total)
    state = optimizers.measured_state_bytes(optimizer)
    return assemble(settings, total, parameters, static_bytes(model), step, state)


class SavedTensors:
    """What the graph of a forward pass holds until the backward pass: bytes of each storage once, parameters aside.

    Autograd's hooks show what its functions save. What they do not show is added by hand: the batch, the output of the
    last block, what a checkpointed block is given by keyword (its closure keeps rotary tables and mask), and the input
    that an 8-bit layer of bitsandbytes keeps on its own, out of checkpointing's reach.
    """

    def __init__(self, model: torch.nn.Module):
        static = (tensor for tensors in static_tensors(model).values() for tensor in tensors)
        self._static = {tensor.untyped_storage().data_ptr() for tensor in static}
        self._seen: dict[int | str, int] = {}
        self._counting = True
        self._hooks = torch.autograd.graph.saved_tensors_hooks(self._pack, lambda tensor: tensor)
        causal = causal_model(model)
        self._handles = [
            causal.register_forward_pre_hook(lambda _, args, named: self._add((args, named)), with_kwargs=True),
            causal.base_model.register_forward_hook(lambda _, args, output: self._add(output[0])),
        ]
        for block in blocks_of(model):
            if block.gradient_checkpointing:
                keep = block.register_forward_pre_hook(lambda _, args, named: self._add(named), with_kwargs=True)
                self._handles.append(keep)
            eight_bit = (module for module in block.modules() if isinstance(module, bnb.nn.Linear8bitLt))
            self._handles += [module.register_forward_pre_hook(self._keep_input) for module in eight_bit]

    def _pack(self, tensor: torch.Tensor) -> torch.Tensor:
        self._add(tensor)
        return tensor

    def _keep_input(self, _module: torch.nn.Module, args: tuple[torch.Tensor]) -> None:
        self._add(args if args[0].requires_grad else ())

    def _add(self, values: Iterable) -> None:
        for value in tree_leaves(values):
            if self._counting and isinstance(value, torch.Tensor):
                storage = value.untyped_storage()
                if storage.data_ptr() not in self._static:
                    self._seen[storage.data_ptr()] = storage.nbytes()

    def add_autocast_copies(self, model: torch.nn.Module) -> None:
        """Count the 16-bit copies of trained float32 parameters that autocast keeps until the forward pass ends.

        Without checkpointing autograd saves those of the weights; a checkpointed block hides what it saves.
        """
        self._seen["autocast"] = autocast_copies(model)

    def stop(self) -> None:
        """Count nothing from here on."""
        self._counting = False

    @property
    def total(self) -> int:
        """Bytes counted."""
        return sum(self._seen.values())

    def __enter__(self) -> SavedTensors:
        self._hooks.__enter__()
        return self

    def __exit__(self, *error) -> None:
        self._hooks.__exit__(*error)
        for handle in self._handles:
            handle.remove()
