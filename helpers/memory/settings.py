"""Everything that decides how much memory a training step takes."""

from dataclasses import MISSING, dataclass, field

from helpers.errors import InputError

METHODS = {
    "full": "every weight is trained",
    "lora": "an adapter on the base as it is",
    "qlora": "an adapter on the base in NF4",
    "int8": "an adapter on the base in 8 bits (LLM.int8)",
}
DTYPES = ("float32", "bfloat16", "float16")
DEVICES = ("cuda", "cpu")
LOSSES = {
    "full": "transformers': whole logits, and float32 copies of them",
    "chunked": "TRL's: logits chunk by chunk, twice",
    "fused": "Liger's: logits chunk by chunk, once, the gradient with them",
}
SHARDINGS = {
    "ddp": "all of it on each GPU, and buckets as large as the gradients",
    "fsdp2": "weights, gradients and optimizer divided; two blocks whole at a time",
    "zero2": "gradients and optimizer divided, with a float32 copy of what is trained",
    "zero3": "as zero2, and the weights divided; two blocks whole at a time",
}
# The names are those of transformers' `optim`.
OPTIMIZERS = {
    "adamw_torch_fused": "AdamW, two numbers a parameter in its dtype; transformers' default",
    "adamw_torch": "the same, and a temporary copy of one of them in each step on a GPU",
    "adamw_8bit": "AdamW of bitsandbytes, two bytes a parameter",
    "paged_adamw_32bit": "AdamW of bitsandbytes, two float32 a parameter, that may move to the host",
    "paged_adamw_8bit": "two bytes a parameter, that may move to the host",
}


def option(text: str, default=MISSING):
    """A field with the help that the command line shows for it."""
    return field(default=default, metadata={"help": text})


@dataclass(frozen=True)
class Settings:
    """A training step, as far as memory is concerned. Raises InputError for a value that does not exist.

    `model` is a name of data/configs, a directory, a config.json or a hub id. `targets` is "all-linear" or the last
    parts of module names; with `last_layers` above 0 only that many of the last blocks get an adapter. `batch` is in
    sequences and `length` in tokens; no row is padded. With `accumulation` above 1 the gradients of the batches before
    stay. `dtype` is that of the base, and of all weights under full fine-tuning; `autocast` is the trainer's bf16=True
    (in bfloat16, or float16 for a float16 base). `prepare` calls prepare_model_for_kbit_training, `loss` is one of
    LOSSES. `device` matters to losses in chunks only: they have kernels for a GPU ("cuda") that work in place, and on a
    CPU ("cpu") several float32 copies of a chunk instead. With `optimizer_in_backward` each parameter is updated as
    soon as it has a gradient, which then goes. On `gpus` above 1 everything is said of one of them.
    """

    model: str = option("A name of data/configs, a model directory, a config.json or a hub id.")
    method: str = option("full, lora, qlora or int8.", "qlora")
    rank: int = option("Rank of the adapter.", 16)
    targets: str | tuple[str, ...] = option("all-linear, or module names with commas: q_proj,v_proj.", "all-linear")
    dropout: float = option("lora_dropout of the adapter.", 0.0)
    last_layers: int = option("Adapt only so many last blocks; 0: all.", 0)
    batch: int = option("Rows in a batch.", 1)
    length: int = option("Tokens in a row.", 512)
    accumulation: int = option("Batches before an optimizer step.", 1)
    checkpointing: bool = option("Recompute blocks in the backward pass.", False)
    optimizer: str = option("As transformers calls it, such as paged_adamw_8bit.", "adamw_torch_fused")
    dtype: str = option("Of the base: bfloat16, float16 or float32.", "bfloat16")
    adapter_dtype: str = option("Of the adapter.", "float32")
    double_quant: bool = option("Quantize NF4's scales, too.", True)
    prepare: bool = option("With prepare_model_for_kbit_training.", False)
    autocast: bool = option("The trainer's bf16=True or fp16=True.", True)
    loss: str = option("full (transformers), chunked (TRL) or fused (Liger).", "full")
    optimizer_in_backward: bool = option("Update each parameter as its gradient comes.", False)
    gpus: int = option("How many GPUs; the answer is for one of them.", 1)
    sharding: str = option("With several GPUs: ddp, fsdp2, zero2 or zero3.", "ddp")
    device: str = option("cuda or cpu: whose kernels a loss in chunks has.", "cuda")

    def __post_init__(self):
        known_values = {
            "method": METHODS,
            "optimizer": OPTIMIZERS,
            "dtype": DTYPES,
            "adapter_dtype": DTYPES,
            "loss": LOSSES,
            "sharding": SHARDINGS,
            "device": DEVICES,
        }
        for name, known in known_values.items():
            if getattr(self, name) not in known:
                raise InputError(f"no {name} is called {getattr(self, name)!r}: use one of {', '.join(known)}")
        for name in ("rank", "batch", "length", "accumulation", "gpus"):
            if getattr(self, name) < 1:
                raise InputError(f"{name} is {getattr(self, name)}: it must be at least 1")
        if not 0 <= self.dropout < 1:
            raise InputError(f"dropout is {self.dropout}: give a share from 0 up to 1, such as 0.05")
        if self.last_layers < 0 or (self.last_layers and self.method == "full"):
            raise InputError(f"last_layers is {self.last_layers}: give 0 for all, or with an adapter how many get one")
        if self.gpus == 1 and self.sharding != "ddp":
            raise InputError(f"sharding is {self.sharding}: one GPU has nothing to share; say how many with --gpus")
        if self.optimizer_in_backward and (self.accumulation > 1 or self.gpus > 1):
            raise InputError("the optimizer in the backward pass goes with one GPU and an accumulation of 1")
        if self.length < 2:
            raise InputError("length is 1: a token has to predict another one")

    @property
    def weights_divided(self) -> bool:
        """Whether each GPU holds a share of the weights, and gathers a block's when it is needed."""
        return self.gpus > 1 and self.sharding in ("fsdp2", "zero3")

    @property
    def quantized(self) -> bool:
        """Whether the linear layers of the base are stored in 4 or 8 bits."""
        return self.method in ("qlora", "int8")


def parse_targets(text: str) -> str | tuple[str, ...]:
    """`all-linear`, or names with commas between them, as on a command line."""
    names = tuple(name.strip() for name in text.split(",") if name.strip())
    if not names:
        raise InputError("no target modules: give all-linear, or names with commas such as q_proj,v_proj")
    return "all-linear" if names == ("all-linear",) else names
