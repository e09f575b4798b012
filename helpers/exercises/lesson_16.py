"""The check of notebook 16's exercise: what lies on another device than the model's embedding."""

from collections.abc import Callable

import torch

from helpers.exercises import exercise, wrong

HERE, THERE = "cpu", "meta"


class Model(torch.nn.Module):
    """A bias that is the first parameter, an embedding, a layer and a buffer, each where it is told to be."""

    def __init__(self, first: str = HERE, table: str = HERE, layer: str = HERE, buffer: str = HERE):
        super().__init__()
        self.bias = torch.nn.Parameter(torch.zeros(2, device=first))
        self.embed = torch.nn.Embedding(4, 2, device=table)
        self.layer = torch.nn.Linear(2, 2, bias=False, device=layer)
        self.register_buffer("frequencies", torch.zeros(2, device=buffer))

    def get_input_embeddings(self) -> torch.nn.Module:
        return self.embed

    @property
    def device(self) -> torch.device:
        """As transformers has it: the first parameter's."""
        return next(self.parameters()).device


def batch(mask: str = HERE) -> dict[str, torch.Tensor]:
    ids = torch.zeros(1, 3, dtype=torch.long)
    return {"input_ids": ids, "attention_mask": torch.ones(1, 3, dtype=torch.long, device=mask)}


@exercise
def misplaced(answer: Callable) -> str:
    """`answer(model, batch)` is the list of the names of what is not where the embedding is."""

    def found(model: Model, inputs: dict[str, torch.Tensor]) -> list[str]:
        names = answer(model, inputs)
        if names is None:
            wrong("it returned None: is a return missing?")
        return list(names)

    if found(Model(), batch()):
        wrong("everything is in one place here, and it named something")
    if not found(Model(layer=THERE), batch()):
        wrong("`layer.weight` is elsewhere: look at every parameter, model.device knows one of them")
    if not found(Model(), batch(mask=THERE)):
        wrong("the attention mask is elsewhere: inputs count, and all of them, not only the ids")
    if not found(Model(buffer=THERE), batch()):
        wrong("`frequencies` is elsewhere: a buffer is moved with the model, and is no parameter. See named_buffers")
    if found(Model(first=THERE), batch()) != ["bias"]:
        wrong("the first parameter is the one that is elsewhere: `model.device` is its device, not the embedding's")
    everything = found(Model(layer=THERE, buffer=THERE), batch(mask=THERE))
    if everything != ["layer.weight", "frequencies", "attention_mask"]:
        wrong(f"it returned {everything}, wanted names: ['layer.weight', 'frequencies', 'attention_mask']")
    return "parameters, buffers and inputs, held against the embedding. Call it before the first step."
