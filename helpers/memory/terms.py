"""The terms of a training step's memory: their formulas, and the bytes of each in a plan."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field

from helpers.memory.settings import Settings

# term -> (formula, where it is from)
TERMS = {
    "weights": (
        "sum over the base's parameters and buffers of elements * bytes of dtype; half a byte for a weight in NF4",
        "the libraries' own modules on fake tensors; QLoRA, arXiv 2305.14314, section 3",
    ),
    "quantization_constants": (
        "NF4: 4 bytes for 64 weights, or with double quantization 1, 4 more for 256 of these, and 4; tables of levels. "
        "8 bits: 4 bytes for each row",
        "QLoRA, arXiv 2305.14314, section 3; LLM.int8, arXiv 2208.07339, section 2",
    ),
    "adapter": ("rank * (in + out) * bytes of dtype, for each adapted layer", "LoRA, arXiv 2106.09685, section 4.1"),
    "gradients": (
        "trainable elements * bytes of dtype; with the optimizer in the backward pass, of the largest parameter",
        "PyTorch: .grad has the dtype of its parameter",
    ),
    "optimizer": (
        "AdamW: 2 * bytes of the trainable parameters; 8 bits: 2 bytes an element and 8 for 256 of them",
        "AdamW, arXiv 1711.05101; 8-bit optimizers, arXiv 2110.02861",
    ),
    "activations": (
        "what is alive when the output head begins: all that autograd saved in the blocks, or with checkpointing the "
        "input of each block, and the inputs that 8-bit layers of bitsandbytes keep all the same; and the batch itself",
        "the step itself on fake tensors; checkpointing, arXiv 1604.06174",
    ),
    "logits": (
        "the most that head and loss add: batch * length * vocabulary in dtype, float32 copies, the gradient",
        "the step itself on fake tensors, with the loss of transformers or TRL; TRL's folds a chunk in place on a GPU",
    ),
    "temporary": (
        "the most that the blocks take beyond what is held: casts, dequantized weights, gradients of activations, and "
        "with checkpointing one block's activations",
        "the step itself on fake tensors",
    ),
    "peak": ("the largest of the moments below", "weights, constants, adapter and optimizer are there in all of them"),
}


@dataclass(frozen=True)
class Plan:
    """Bytes of each term, as predicted by `estimate` or counted by `measure.measure`.

    `moments` are the most bytes alive in each part of a step; `peak` is the largest of them. `peak` is not the sum of
    the terms: activations go while gradients come. `paged` of the optimizer's bytes may leave the GPU, so that with a
    paged optimizer the peak lies between peak - paged and peak. `fused_experts` of the weights' bytes are experts in
    one tensor, which no method quantizes; `weight_copies` of the activations' are no activations, but the 16-bit copies
    of trained float32 weights that autocast keeps.
    """

    settings: Settings
    weights: int
    quantization_constants: int
    adapter: int
    gradients: int
    optimizer: int
    activations: int
    logits: int
    temporary: int
    paged: int
    fused_experts: int
    weight_copies: int
    total_parameters: int
    trainable_parameters: int
    moments: dict[str, int] = field(default_factory=dict)

    @property
    def peak(self) -> int:
        return max(self.moments.values())

    @property
    def peak_moment(self) -> str:
        return max(self.moments, key=self.moments.__getitem__)

    def parts(self, moment: str | None = None) -> dict[str, int]:
        """The bytes alive at a moment (the peak's, if none is named) by term; they add up to that moment's.

        What is there at all moments comes first. The gradients are whole in accumulation, at the end of the backward
        pass and in the optimizer step; the activations are whole until the backward pass begins. `head_and_loss` are
        logits, their float32 copies, and in full fine-tuning the gradient of the head.
        """
        moment = moment or self.peak_moment
        parts = {name: getattr(self, name) for name in ("weights", "quantization_constants", "adapter", "optimizer")}
        ended = "optimizer step" if self.settings.optimizer_in_backward or self.settings.gpus > 1 else "backward ends"
        if self.settings.accumulation > 1 or moment in (ended, "optimizer step"):
            parts["gradients"] = self.gradients
        if moment in ("forward", "loss", "backward begins"):
            parts["activations"] = self.activations - self.weight_copies
            parts["weight_copies"] = self.weight_copies
        rest = "head_and_loss" if moment == "loss" else "temporary"
        return {**parts, rest: self.moments[moment] - sum(parts.values())}

    def to_dict(self) -> dict:
        """What `estimate --json` prints: bytes and counts as integers, the settings, the moments."""
        return {**asdict(self), "peak": self.peak, "peak_moment": self.peak_moment}
