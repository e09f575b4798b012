"""Counts the bytes of a real training step: on the CPU tensor by tensor, on a GPU by the allocator."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import bitsandbytes as bnb
import torch
from torch.utils._pytree import tree_leaves
from transformers.modeling_layers import GradientCheckpointingLayer

from helpers import lora_math
from helpers.memory import build, optimizers
from helpers.memory.plan import Plan, assemble
from helpers.memory.settings import Settings
from helpers.memory.step import causal_model, forward_loss, static_bytes, static_tensors, watch_step


def measure(settings: Settings, config=None, device: str | None = None) -> Plan:
    """Build the model with random weights, train two steps, count the second; the same terms as `plan.estimate`.

    On the CPU, activations are the saved-for-backward tensors (`SavedTensors`) and the moments follow every storage;
    a GPU (`device` "cuda", the default where there is one) is asked for what its allocator gave out, so that its
    figures include rounding to blocks of 512 bytes.
    """
    device = device or ("cuda" if torch.cuda.is_available() else "cpu")
    model = build.meta_model(config or build.load_config(settings.model), settings)
    total = lora_math.parameter_count(model)
    build.materialise(model, settings, device)
    parameters = build.trainable(model)
    optimizer = optimizers.make_optimizer(parameters, settings)
    ids = torch.zeros((settings.batch, settings.length), dtype=torch.long, device=device)
    forward_loss(model, settings, ids, ids).backward()
    optimizer.step()
    with SavedTensors(model) as saved:
        step = watch_step(model, settings, device, at_head=saved.stop)
    if settings.checkpointing and settings.autocast:
        saved.add_autocast_copies(parameters)
    if device == "cpu":
        step = replace(step, held=saved.total)
    state = optimizers.measured_state_bytes(optimizer)
    return assemble(settings, total, parameters, static_bytes(model), step, state)


class SavedTensors:
    """What the graph of a forward pass holds until the backward pass: bytes of each storage once, parameters aside.

    Autograd's hooks show what its functions save. What they do not show is added by hand: the batch, the output of the
    last block, what a checkpointed block is given by keyword (its closure keeps rotary tables and mask), and the input
    that an 8-bit layer of bitsandbytes keeps on its own.
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
        for module in model.modules():
            if isinstance(module, GradientCheckpointingLayer) and module.gradient_checkpointing:
                keep = module.register_forward_pre_hook(lambda _, args, named: self._add(named), with_kwargs=True)
                self._handles.append(keep)
            elif isinstance(module, bnb.nn.Linear8bitLt) and not causal.is_gradient_checkpointing:
                self._handles.append(module.register_forward_pre_hook(lambda _, args: self._add(args)))

    def _pack(self, tensor: torch.Tensor) -> torch.Tensor:
        self._add(tensor)
        return tensor

    def _add(self, values: Iterable) -> None:
        for value in tree_leaves(values):
            if self._counting and isinstance(value, torch.Tensor):
                storage = value.untyped_storage()
                if storage.data_ptr() not in self._static:
                    self._seen[storage.data_ptr()] = storage.nbytes()

    def add_autocast_copies(self, parameters: Iterable[torch.nn.Parameter]) -> None:
        """Count the 16-bit copies of float32 matrices that autocast keeps until the forward pass ends.

        Without checkpointing autograd saves them; a checkpointed block hides what it saves.
        """
        float32 = (p for p in parameters if p.dtype == torch.float32 and p.dim() == 2)
        self._seen["autocast"] = sum(2 * parameter.numel() for parameter in float32)

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
