"""Builds the model of a training step from its architecture: the libraries' own modules, no weights loaded.

`meta_model` puts the modules together on the meta device, adapter and all; `materialise` then gives them tensors, real
ones with random values or, under `fake_tensors`, such as have shapes and no memory.
"""

from __future__ import annotations

import copy
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any
from unittest import mock

import bitsandbytes as bnb
import torch
from bitsandbytes.autograd import _functions
from torch._subclasses import fake_tensor
from torch._subclasses.fake_tensor import FakeTensor, FakeTensorMode
from transformers import AutoModelForCausalLM, PretrainedConfig, PreTrainedModel, masking_utils
from transformers.pytorch_utils import Conv1D

from helpers import lora_math
from helpers.errors import InputError
from helpers.memory import losses
from helpers.memory.architecture import described_by
from helpers.memory.architecture import load_config as load_config
from helpers.memory.settings import Settings
from helpers.models import keep_trainable, name_loss

if TYPE_CHECKING:
    from peft import PeftModel

INT8_THRESHOLD = 6.0  # llm_int8_threshold of transformers' BitsAndBytesConfig


def base_model(config: PretrainedConfig, settings: Settings) -> PreTrainedModel:
    """The base on the meta device, its linear layers exchanged for bitsandbytes' if the settings quantize them."""
    dtype, name = getattr(torch, settings.dtype), settings.model or config.name_or_path or "the config"
    with torch.device("meta"):
        if type(config) not in AutoModelForCausalLM._model_mapping:
            raise InputError(f"{name} is a {config.model_type}, not a causal language model")
        with described_by(name):
            model = name_loss(AutoModelForCausalLM.from_config(copy.deepcopy(config), dtype=dtype))
        if settings.quantized:
            for layer, (n_in, n_out) in lora_math.linear_layers(model).items():
                model.set_submodule(layer, _quantized_layer(model.get_submodule(layer), n_in, n_out, settings))
    if model.base_model is model:  # Llama 4's text class names no module of its own; the one with images does
        model.base_model_prefix = "model"
    model.is_loaded_in_4bit = settings.method == "qlora"
    model.is_loaded_in_8bit = settings.method == "int8"
    model.is_quantized = settings.quantized
    return keep_trainable(model)


def _quantized_layer(layer: torch.nn.Module, n_in: int, n_out: int, settings: Settings) -> torch.nn.Module:
    small: bnb.nn.Linear4bit | bnb.nn.Linear8bitLt
    if settings.method == "qlora":
        small = bnb.nn.Linear4bit(
            n_in,
            n_out,
            bias=False,
            compute_dtype=getattr(torch, settings.dtype),
            compress_statistics=settings.double_quant,
            quant_type="nf4",
            device="meta",
        )
    else:
        small = bnb.nn.Linear8bitLt(
            n_in, n_out, bias=False, has_fp16_weights=False, threshold=INT8_THRESHOLD, device="meta"
        )
    small.register_parameter("bias", dict(layer.named_parameters(recurse=False)).get("bias"))
    return small


def meta_model(config: PretrainedConfig, settings: Settings) -> torch.nn.Module:
    """The model of the settings on the meta device: preparation, TRL's head, adapter, checkpointing.

    Raises InputError for targets or last layers that the architecture does not have.
    """
    from peft import LoraConfig, get_peft_model, prepare_model_for_kbit_training

    base = base_model(config, settings)
    if settings.prepare:
        base = prepare_model_for_kbit_training(base, use_gradient_checkpointing=False)
    if settings.loss == "chunked":
        from trl.trainer.utils import add_fused_lm_head

        add_fused_lm_head(base, outputs=("log_probs", "entropy", "is_top1"))  # as SFTTrainer asks for
    model: PreTrainedModel | PeftModel = base
    if settings.method != "full":
        adapted = lora_math.linear_layers(model, settings.targets)
        names = sorted(
            {name.rpartition(".")[2] for name in adapted}
        )  # PEFT takes no "all-linear" with some layers only
        blocks = config.num_hidden_layers
        if settings.last_layers > blocks:
            raise InputError(f"last_layers is {settings.last_layers}: {settings.model} has {blocks} blocks")
        lora = LoraConfig(
            r=settings.rank,
            lora_dropout=settings.dropout,
            # PEFT refuses "all-linear" for some layers only
            target_modules=names if settings.last_layers or settings.targets != "all-linear" else "all-linear",
            layers_to_transform=list(range(blocks))[-settings.last_layers :] if settings.last_layers else None,
            exclude_modules=[name for name, module in base.named_modules() if lora_math.is_router(module)] or None,
            task_type="CAUSAL_LM",
            fan_in_fan_out=any(isinstance(module, Conv1D) for module in model.modules()),
        )
        with warnings.catch_warnings():
            # PEFT's own patterns for fused experts, where a model or the targets have none
            warnings.filterwarnings("ignore", message="The following (rank|alpha)_pattern keys did not match")
            model = get_peft_model(model, lora)
        for parameter in trainable(model):
            parameter.data = parameter.data.to(getattr(torch, settings.adapter_dtype))
    model.train()
    if settings.checkpointing:
        model.activation_checkpointing_enable()
    return model


def materialise(model: torch.nn.Module, settings: Settings, device: str = "cpu") -> torch.nn.Module:
    """Give every meta tensor of `model` memory on `device`, a tied one once, and quantize layer by layer.

    Matrices get small noise, everything else ones.
    """
    made: dict[int, torch.nn.Parameter] = {}
    for module in model.modules():
        for name, buffer in list(module.named_buffers(recurse=False)):
            setattr(module, name, torch.ones(buffer.shape, dtype=buffer.dtype, device=device))
        for name, parameter in list(module.named_parameters(recurse=False)):
            if id(parameter) not in made:
                if isinstance(module, bnb.nn.Linear4bit | bnb.nn.Linear8bitLt) and name == "weight":
                    dense = _noise(parameter.shape, getattr(torch, settings.dtype), device)
                    made[id(parameter)] = _quantize(module, dense, settings.double_quant)
                else:
                    dense = _noise(parameter.shape, parameter.dtype, device)
                    made[id(parameter)] = torch.nn.Parameter(dense, requires_grad=parameter.requires_grad)
            setattr(module, name, made[id(parameter)])
    return model


def _noise(shape: torch.Size, dtype: torch.dtype, device: str) -> torch.Tensor:
    dense = torch.ones(shape, dtype=dtype, device=device)
    return dense.normal_(std=0.02) if dense.dim() > 1 else dense


def _quantize(
    module: bnb.nn.Linear4bit | bnb.nn.Linear8bitLt, dense: torch.Tensor, double_quant: bool
) -> torch.nn.Parameter:
    """`dense` as the weight of a bitsandbytes layer; a fake one as a plain parameter with the same things on it.

    bitsandbytes' parameter classes cannot wrap fake tensors; its layers look only at the attributes.
    """
    fake = isinstance(dense, FakeTensor)
    attributes: dict[str, Any]
    if isinstance(module, bnb.nn.Linear4bit):
        kind: dict[str, Any] = dict(quant_type="nf4", compress_statistics=double_quant)
        if not fake:
            weight = bnb.nn.Params4bit(dense, requires_grad=False, **kind)
            return weight.to(dense.device)  # type: ignore[misc]  # bitsandbytes says `self` is a module
        packed, state = bnb.functional.quantize_4bit(dense, **kind)
        attributes = dict(quant_state=state, bnb_quantized=True, **kind)
    else:
        if not fake:
            rows = bnb.nn.Int8Params(dense.cpu(), requires_grad=False, has_fp16_weights=False)
            return rows.to(dense.device)  # type: ignore[misc]
        module.state.threshold = 0.0  # outliers are found by their values, which fake tensors have not
        packed, scales, _ = bnb.functional.int8_vectorwise_quant(dense.half())
        attributes = dict(CB=packed, SCB=scales, has_fp16_weights=False)
    parameter = torch.nn.Parameter(packed, requires_grad=False)
    for name, value in attributes.items():
        setattr(parameter, name, value)
    return parameter


def fused_experts(model: torch.nn.Module) -> list[torch.nn.Parameter]:
    """Weights of all experts of a block in one tensor (experts, in, out): no linear layers, so that nothing quantizes
    them. An adapter on them is not among them."""
    matrices = (named for named in model.named_parameters() if named[1].dim() == 3)
    return [parameter for name, parameter in matrices if "experts" in name and "lora_" not in name]


def trainable(model: torch.nn.Module) -> list[torch.nn.Parameter]:
    """The parameters that an optimizer would get."""
    return [parameter for parameter in model.parameters() if parameter.requires_grad]


def _fused_dropout(inputs: torch.Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> torch.Tensor:
    """Dropout with a GPU's mask of one byte an element; a CPU keeps it in the input's dtype."""
    return torch.native_dropout(inputs, p, training)[0] if training and p else inputs


@contextmanager
def fake_tensors(device: str) -> Iterator[None]:
    """Tensors made inside have shape, dtype and a storage of the right size, and no memory.

    transformers looks at position ids to see whether rows are packed, which fake ones cannot tell: they are not. For
    the device "cuda", what TRL's and Liger's losses do with a chunk of logits allocates nothing, as their kernels do.
    """
    from trl.kernels import chunked_logprob

    tables = bnb.functional.name2qmap  # a cache of bitsandbytes, into which no fake tensor may get
    real = dict(tables)
    tables.clear()
    try:
        with (
            mock.patch.object(masking_utils, "find_packed_sequence_indices", return_value=None),
            mock.patch.object(_functions.logger, "disabled", True),  # a line for each 8-bit layer
            mock.patch.object(fake_tensor.log, "disabled", True),  # a traceback before the error that it raises
            ExitStack() as patches,
            FakeTensorMode(),
        ):
            for name in ("_forward_tile", "_backward_tile", "_addmm_fp32") if device == "cuda" else ():
                patches.enter_context(mock.patch.object(chunked_logprob, name, lambda *_, **__: None))
            if device == "cuda":
                patches.enter_context(mock.patch.object(losses, "fold", lambda *_: None))
                patches.enter_context(mock.patch.object(torch.nn.functional, "dropout", _fused_dropout))
            tables["dynamic"] = torch.empty(256)  # the table that double quantization would compute from its values
            yield
    finally:
        tables.clear()
        tables.update(real)
