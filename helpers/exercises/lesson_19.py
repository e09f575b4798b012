"""The check of notebook 19's exercise: would an adapter on these modules be merged wrongly?"""

from collections.abc import Callable
from types import SimpleNamespace

import torch

from helpers.exercises import exercise, wrong

ROWS, WIDTH = 8, 4


class Model(torch.nn.Module):
    """An embedding, a layer and a head; `says` is what its config has for tie_word_embeddings."""

    def __init__(self, table: str, head: str, tied: bool, says: bool | None = None):
        super().__init__()
        inner = torch.nn.Module()
        inner.add_module(table, torch.nn.Embedding(ROWS, WIDTH))
        inner.add_module("q_proj", torch.nn.Linear(WIDTH, WIDTH))
        self.model = inner
        self.add_module(head, torch.nn.Linear(WIDTH, ROWS, bias=False))
        self.names = table, head
        weight = self.get_input_embeddings().weight
        self.get_output_embeddings().weight = weight if tied else torch.nn.Parameter(weight.detach().clone())
        self.config = SimpleNamespace(tie_word_embeddings=tied if says is None else says)

    def get_input_embeddings(self) -> torch.nn.Embedding:
        return getattr(self.model, self.names[0])

    def get_output_embeddings(self) -> torch.nn.Linear:
        return getattr(self, self.names[1])


@exercise
def endangered(answer: Callable) -> str:
    """`answer(model, targets)` says whether a merge of an adapter on these names would go wrong."""
    tied = Model("embed_tokens", "lm_head", tied=True)

    def danger(model: Model, *targets: str) -> bool:
        return bool(answer(model, list(targets)))

    if not danger(tied, "q_proj", "embed_tokens"):
        wrong(
            "one matrix for embedding and head, and the adapter is on `embed_tokens`: that is the notebook's own case"
        )
    if danger(tied, "q_proj"):
        wrong("an adapter on `q_proj` alone is merged well, tied or not: what about `targets`?")
    if not danger(tied, "lm_head"):
        wrong("an adapter on `lm_head` is in the same danger: its update ends in the embedding")
    if danger(Model("embed_tokens", "lm_head", tied=False, says=True), "embed_tokens"):
        wrong("two matrices with equal numbers, and each takes its own update: do the modules hold the same tensor?")
    if not danger(Model("embed_tokens", "lm_head", tied=True, says=False), "embed_tokens"):
        wrong(
            "the config says that nothing is tied, and the two are one tensor: look at the weights, not at the config"
        )
    if not danger(Model("wte", "lm_head", tied=True), "wte") or not danger(
        Model("embed_in", "embed_out", tied=True), "embed_out"
    ):
        wrong("GPT-2 calls its embedding `wte`, GPT-NeoX its head `embed_out`: get the names from named_modules")
    return "tied and targeted, by either name and whatever the config says; separate matrices are let through."
