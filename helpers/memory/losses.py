"""The loss that never has all logits at once, as Liger computes it: the gradient comes with the forward pass."""

from __future__ import annotations

import math
from typing import Any

import torch


def fold(logits: torch.Tensor, labels: torch.Tensor, losses: torch.Tensor) -> None:
    """Write each row's cross-entropy into `losses` and its gradient over the logits (rows, vocabulary).

    Liger's kernel does this in place on a GPU; here there are float32 copies of the chunk.
    """
    logs = torch.log_softmax(logits.float(), dim=-1)
    losses.copy_(-logs.gather(1, labels[:, None])[:, 0])
    logits.copy_(logs.exp_().scatter_add_(1, labels[:, None], torch.full_like(losses, -1.0)[:, None]))


class FusedLinearCrossEntropy(torch.autograd.Function):
    """Mean cross-entropy of hidden (rows, width) times weight (vocabulary, width) against labels (rows).

    Chunks as Liger-Kernel's fused_linear_cross_entropy makes them (arXiv 2410.10989, section 3.2): as many as the
    vocabulary is wider than the hidden state, so that a chunk of logits weighs about what the hidden states do.
    """

    @staticmethod
    def forward(ctx: Any, hidden: torch.Tensor, weight: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        rows, width = hidden.shape
        chunk = chunk_rows(rows, width, len(weight))
        grad_hidden = torch.zeros_like(hidden)
        grad_weight = torch.zeros_like(weight) if weight.requires_grad else None
        losses = torch.zeros(rows, device=hidden.device)
        for start in range(0, rows, chunk):
            part = hidden[start : start + chunk]
            logits = part @ weight.t()
            fold(logits, labels[start : start + chunk], losses[start : start + chunk])
            grad_hidden[start : start + chunk] = logits @ weight
            if grad_weight is not None:
                grad_weight += logits.t() @ part
        ctx.save_for_backward(grad_hidden, grad_weight)
        return losses.sum() / rows

    @staticmethod
    def backward(ctx: Any, grad: torch.Tensor) -> tuple[torch.Tensor | None, torch.Tensor | None, None]:
        grad_hidden, grad_weight = ctx.saved_tensors
        rows = len(grad_hidden)
        return grad_hidden.mul_(grad / rows), None if grad_weight is None else grad_weight.mul_(grad / rows), None


def chunk_rows(rows: int, width: int, vocabulary: int) -> int:
    """Rows of a chunk: a power of two."""
    return 1 << (math.ceil(rows / math.ceil(vocabulary / width)) - 1).bit_length()
