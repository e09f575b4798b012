"""`course`, `train`, `evaluate`, `merge` and `serve`: from rows to a model that answers."""

import json
import math
import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

from helpers.cli.options import AsJson, Model, ProfileName, Template, choose
from helpers.errors import InputError

OWN_ROWS = "gpu-0.5b (a model of half a billion parameters, downloaded at first use; slow on a CPU)"


def course(profile: ProfileName = None) -> None:
    """Clean, train, score before and after, merge and prove the merge; writes build/course.json."""
    from helpers import course as pipeline

    pipeline.run_course(choose(profile))


def train(
    rows: Annotated[Path, typer.Argument(metavar="ROWS.jsonl", help="Conversations, as `clean` writes them.")],
    out: Annotated[Path, typer.Option("--out", help="Directory for the adapter; must not exist yet.")],
    model: Model = None,
    profile: ProfileName = None,
    steps: Annotated[int | None, typer.Option(min=1, help="Optimizer steps; default: the profile's.")] = None,
    epochs: Annotated[float | None, typer.Option(help="Passes over the rows, in place of --steps.")] = None,
    batch: Annotated[int | None, typer.Option("--batch", min=1, help="Conversations in one forward pass.")] = None,
    accumulation: Annotated[int | None, typer.Option("--accumulation", min=1, help="Passes in one step.")] = None,
    rank: Annotated[int | None, typer.Option(min=1, help="Rank of the adapter.")] = None,
    alpha: Annotated[int | None, typer.Option(min=1, help="lora_alpha; the update is scaled by alpha / rank.")] = None,
    target_modules: Annotated[
        str, typer.Option("--target-modules", metavar="NAMES", help="Layers to adapt, such as q_proj,v_proj.")
    ] = "all-linear",
    learning_rate: Annotated[float | None, typer.Option("--learning-rate", "--lr", min=0, help="Peak rate.")] = None,
    max_length: Annotated[int | None, typer.Option(min=8, help="Longest conversation in tokens.")] = None,
    quantize: Annotated[
        bool | None, typer.Option("--quantize/--no-quantize", help="QLoRA (NF4 base) or plain LoRA.")
    ] = None,
    held_out: Annotated[
        Path | None, typer.Option("--eval", metavar="ROWS.jsonl", help="Rows to take the loss on at each checkpoint.")
    ] = None,
    template: Template = None,
    seed: Annotated[int, typer.Option(min=0, max=2**32 - 1, help="Seed of adapter, order of rows and dropout.")] = 0,
    report_to: Annotated[
        str, typer.Option("--report-to", metavar="NAME", help="Where losses go, too: tensorboard, wandb and so on.")
    ] = "none",
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with the run that was stopped for --out; start it if there is none.")
    ] = False,
) -> None:
    """Train an adapter on your rows. A run that was stopped goes on with the same command and --resume."""
    from helpers import resuming
    from helpers.chats import asks_for_tickets, read_chat, read_template
    from helpers.files import encode_row
    from helpers.profiles import is_embedded
    from helpers.training import check_report, last_complete_checkpoint, training_bar

    if epochs is not None and (steps or not 0 < epochs < float("inf")):
        raise InputError("give --steps or --epochs, not both" if steps else f"--epochs {epochs}: must be more than 0")
    if learning_rate == 0:
        raise InputError("--learning-rate 0 learns nothing: give one above 0, such as 2e-4")
    check_report(report_to)
    chosen = choose(
        profile,
        model,
        max_steps=steps,
        batch_size=batch,
        gradient_accumulation=accumulation,
        rank=rank,
        alpha=alpha,
        learning_rate=learning_rate,
        max_length=max_length,
        quantize=quantize,
    )
    names = target_modules.replace(",", " ").split()
    if not names:
        raise InputError("--target-modules names no layer: q_proj,v_proj for example, or all-linear")
    conversations, eval_rows = read_chat(rows), read_chat(held_out) if held_out else []
    length = f"{epochs:g} epoch{'s' * (epochs != 1)}" if epochs else f"{chosen.max_steps} steps"
    print(f"{len(conversations)} conversations; model {chosen.model}; {length}")
    if is_embedded(chosen.model) and not any(asks_for_tickets(row) for row in conversations):
        print(
            "this is the course's small base, which knows its tickets and nothing else: good to try the commands. For "
            f"rows of your own give `clean`, `train`, `evaluate` and `merge` the same --profile, such as {OWN_ROWS}"
        )
    trained = set(map(encode_row, conversations))
    if seen := sum(encode_row(row) in trained for row in eval_rows):
        print(f"{seen} of the {len(eval_rows)} --eval rows are trained on, too: their loss says nothing of new ones")
    checkpoint = last_complete_checkpoint(resuming.directory_of(out)) if resume else None
    print(f"going on from {checkpoint}" if checkpoint else f"if it is stopped, go on with: {again()}", flush=True)
    try:
        run = resuming.train(
            chosen,
            conversations,
            out,
            resume,
            epochs=epochs,
            eval_rows=eval_rows,
            template=read_template(template) if template else None,
            targets="all-linear" if names == ["all-linear"] else names,
            seed=seed,
            report_to=report_to,
            callbacks=[training_bar()],
        )
    except KeyboardInterrupt:
        print(f"stopped; go on with: {again()}", file=sys.stderr)
        raise typer.Exit(130) from None
    if run is None:
        print(f"{out} is finished already: nothing to do")
        return
    held = f"; on held-out rows {run.eval_losses[-1][1]:.3f}" if run.eval_losses else ""
    some = min(10, max(1, len(run.losses) // 2))
    first, last = (sum(loss for _, loss in part) / some for part in (run.losses[:some], run.losses[-some:]))
    print(
        f"{run.steps} steps in {run.seconds:.0f} s, loss {first:.3f} -> {last:.3f} (first and last {some} steps)"
        f"{held}; adapter in {run.adapter}"
    )


def again() -> str:
    """The command that was typed, with --resume."""
    typed = [argument for argument in sys.argv[1:] if argument != "--resume"]
    return shlex.join(["python", "-m", "helpers", *typed, "--resume"])


def evaluate(
    rows: Annotated[
        Path, typer.Argument(metavar="ROWS.jsonl", help="Held-out conversations; the last answer of each is scored.")
    ],
    adapter: Annotated[
        Path | None, typer.Option("--adapter", help="Directory of an adapter to put on the model.")
    ] = None,
    model: Model = None,
    profile: ProfileName = None,
    quantize: Annotated[
        bool | None,
        typer.Option(
            "--quantize/--no-quantize",
            help="Load the model in NF4 or as it is (default with an adapter: as in training).",
        ),
    ] = None,
    limit: Annotated[int | None, typer.Option("--limit", min=1, help="Score the first rows alone.")] = None,
    wrong: Annotated[
        Path | None, typer.Option("--wrong", metavar="WRONG.jsonl", help="Wrong answers: prompt, wanted, given.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Score a model, or a model with an adapter, on your rows: JSON scores for JSON answers, else exact match."""
    from helpers.chats import read_chat
    from helpers.evaluation import evaluate_rows
    from helpers.files import check_paths, write_jsonl
    from helpers.inference import bar
    from helpers.models import adapter_tokenizer, load_adapter, load_base, load_tokenizer, trained_in_4bit

    chosen = choose(profile, model)
    check_paths([rows], {"--wrong": wrong})
    conversations = read_chat(rows)
    if quantize is None and adapter:
        in_training = trained_in_4bit(adapter)
        quantize = chosen.quantize if in_training is None else in_training
    loaded = load_adapter(adapter, chosen, quantize) if adapter else load_base(chosen, bool(quantize))
    tokenizer = adapter_tokenizer(adapter, chosen.model) if adapter else load_tokenizer(chosen.model)
    scores, missed = evaluate_rows(loaded, tokenizer, conversations[:limit], progress=bar())
    if limit:
        scores["rows_in_file"] = len(conversations)
    if wrong:
        write_jsonl(wrong, missed)
    print(json.dumps(scores, indent=1) if as_json else "\n".join(f"{name}: {value}" for name, value in scores.items()))


def merge(
    adapter: Annotated[Path, typer.Argument(metavar="ADAPTER", help="Directory of the adapter.")],
    out: Annotated[Path, typer.Option("--out", help="Directory for the merged model; must not exist yet.")],
    model: Model = None,
    profile: ProfileName = None,
    path: Annotated[
        str | None,
        typer.Option(
            "--path",
            help="dequantized (for QLoRA adapters), full (for plain LoRA) or 4bit (to see what it costs); "
            "default: as the adapter was trained.",
        ),
    ] = None,
) -> None:
    """Merge an adapter into its base, write a model that loads like any other, and compare it with the adapter."""
    import torch

    from helpers import merging
    from helpers.models import adapter_tokenizer, trained_in_4bit

    chosen = choose(profile, model)
    if out.exists():
        raise InputError(f"{out} exists already: choose another directory, or remove it first")
    path = path or ("full" if trained_in_4bit(adapter) is False else "dequantized")
    merged = merging.merge(adapter, chosen, path)
    print(f"merged model in {merging.save_merged(merged, adapter_tokenizer(adapter, chosen.model), out)}", flush=True)
    del merged
    try:
        difference = merging.prove(out, adapter, chosen, path)
    except (MemoryError, torch.OutOfMemoryError):
        print(
            "not compared with the adapter: there is no room for both models at once; notebook 08 says how to verify it"
        )
        return
    print(f"loaded from there, its logits differ from the adapter's by at most {difference:.2g}")
    if not difference < merging.CLOSE.get(chosen.dtype, math.inf) and path != "4bit":
        print(f"error: {out} does not answer as the adapter does: do not use it; see notebook 08", file=sys.stderr)
        raise typer.Exit(1)


def serve(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="Directory that `merge` wrote, or a hub id.")],
    port: Annotated[int | None, typer.Option("--port", min=1, max=65535, help="Default: a free one.")] = None,
) -> None:
    """Serve a model on this machine alone, as OpenAI's API, with transformers serve; Ctrl-C ends it."""
    from helpers import serving

    chosen = port or serving.free_port()

    def announce(url: str) -> None:
        print(f"serving at {url}/v1, ask for the model {model}; Ctrl-C ends it", flush=True)

    try:
        serving.run_until_it_ends(serving.transformers_serve(model, chosen), chosen, announce)
    except serving.ServerError as error:
        print(f"error: {error}", file=sys.stderr)
        raise typer.Exit(1) from None
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
