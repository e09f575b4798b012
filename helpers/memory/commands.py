"""The commands `estimate` and `fit`: they parse and print. Imports wait until a command runs, as in helpers.cli."""

from typing import Annotated

import typer

Model = Annotated[
    str, typer.Option("--model", help="A name of data/configs, a model directory, a config.json or a hub id.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for a script.")]


def estimate_memory(
    model: Model,
    method: Annotated[str, typer.Option("--method", help="full, lora, qlora or int8.")] = "qlora",
    rank: Annotated[int, typer.Option("--rank", help="Rank of the adapter.")] = 16,
    targets: Annotated[
        str, typer.Option("--targets", help="all-linear, or module names with commas: q_proj,v_proj.")
    ] = "all-linear",
    last_layers: Annotated[int, typer.Option("--last-layers", help="Adapt only so many last blocks; 0: all.")] = 0,
    batch: Annotated[int, typer.Option("--batch", help="Rows in a batch.")] = 1,
    length: Annotated[int, typer.Option("--length", help="Tokens in a row.")] = 512,
    accumulation: Annotated[int, typer.Option("--accumulation", help="Batches before an optimizer step.")] = 1,
    checkpointing: Annotated[
        bool, typer.Option("--checkpointing", help="Recompute blocks in the backward pass.")
    ] = False,
    optimizer: Annotated[
        str, typer.Option("--optimizer", help="As transformers calls it, such as paged_adamw_8bit.")
    ] = "adamw_torch_fused",
    dtype: Annotated[str, typer.Option("--dtype", help="Of the base: bfloat16, float16 or float32.")] = "bfloat16",
    adapter_dtype: Annotated[str, typer.Option("--adapter-dtype", help="Of the adapter.")] = "float32",
    double_quant: Annotated[
        bool, typer.Option("--double-quant/--no-double-quant", help="Quantize NF4's scales, too.")
    ] = True,
    prepare: Annotated[bool, typer.Option("--prepare", help="With prepare_model_for_kbit_training.")] = False,
    autocast: Annotated[
        bool, typer.Option("--autocast/--no-autocast", help="The trainer's bf16=True or fp16=True.")
    ] = True,
    chunked_loss: Annotated[bool, typer.Option("--chunked-loss", help="TRL's loss, without whole logits.")] = False,
    device: Annotated[
        str, typer.Option("--device", help="cuda or cpu: whose kernels the loss in chunks has.")
    ] = "cuda",
    new_tokens: Annotated[int, typer.Option("--new-tokens", min=1, help="Tokens to generate, for inference.")] = 256,
    as_json: AsJson = False,
) -> None:
    """Predict the memory of a training step, of loading and of generating, from the architecture alone."""
    from helpers.memory import Settings, inference, plan, report
    from helpers.memory.settings import parse_targets

    settings = Settings(
        model=model,
        method=method,
        rank=rank,
        targets=parse_targets(targets),
        last_layers=last_layers,
        batch=batch,
        length=length,
        accumulation=accumulation,
        checkpointing=checkpointing,
        optimizer=optimizer,
        dtype=dtype,
        adapter_dtype=adapter_dtype,
        double_quant=double_quant,
        prepare=prepare,
        autocast=autocast,
        chunked_loss=chunked_loss,
        device=device,
    )
    training, generating = plan.estimate(settings), inference.estimate(settings, new_tokens)
    text = report.plan_text(training) + "\n" + report.inference_text(generating)
    print(report.plan_json(training, generating) if as_json else text)


def fit_gpu(
    model: Model,
    gpu_gb: Annotated[float, typer.Option("--gpu-gb", help="Memory of the GPU in GB, as it is sold.")],
    length: Annotated[int, typer.Option("--length", help="Tokens in a row; never shortened.")] = 1024,
    as_json: AsJson = False,
) -> None:
    """Find settings that a GPU can hold, giving up first what costs the result nothing. Exit 1 if there are none."""
    from helpers.memory import fit, report

    found = fit.fit(model, gpu_gb, length)
    print(report.fit_json(found) if as_json else report.fit_text(found, gpu_gb))
    raise typer.Exit(0 if found.fits else 1)
