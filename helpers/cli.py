"""The command line: `python -m helpers COMMAND`. It parses and prints; the work is done by the modules.

Each command imports what it needs: `check` must run where half of the packages are missing.
Exit codes: 0 done, 1 the job failed, 2 the input or the usage was wrong, 130 stopped by the user.
"""

import json
import os
import shlex
import sys
from collections.abc import Callable
from dataclasses import MISSING, fields, replace
from inspect import Parameter, Signature
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from helpers import DATA
from helpers.errors import InputError
from helpers.memory.settings import Settings, parse_targets

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="The LoRA and QLoRA course from a terminal.",
)

ProfileName = Annotated[
    str | None,
    typer.Option("--profile", help="tiny, gpu-0.5b, gpu-1.5b or gpu-7b; default: what this machine can take."),
]
Model = Annotated[str | None, typer.Option("--model", help="A model directory or hub id; default: the profile's.")]
Template = Annotated[
    Path | None, typer.Option("--chat-template", metavar="FILE.jinja", help="In place of the model's own.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for a script.")]


def choose(name: str | None, model: str | None = None, **values):
    """The profile `name` with what the user set instead of its own values; the hub's bars show where it downloads."""
    from helpers import profiles
    from helpers.quiet import quiet

    chosen: dict[str, Any] = {key: value for key, value in values.items() if value is not None}
    if model:
        chosen |= {"model": model, "random_weights": False}
    profile = replace(profiles.select(name), **chosen)
    quiet(progress_bars=not Path(profile.model).exists())
    return profile


@app.command()
def check(as_json: AsJson = False) -> None:
    """Check this machine: Python, packages, GPU, memory, disk, and the profile that follows. Exit 1 if a line fails."""
    from helpers import environment, profiles

    rows = environment.check()
    print(environment.to_json(rows, profiles.select()) if as_json else environment.table(rows))
    raise typer.Exit(environment.exit_code(rows))


@app.command()
def clean(
    inputs: Annotated[
        list[Path], typer.Argument(metavar="INPUT...", help="JSONL, JSON array or CSV files, in any common encoding.")
    ],
    out: Annotated[Path, typer.Option("--out", metavar="CLEAN.jsonl", help="Where the clean rows go.")],
    rejects: Annotated[
        Path,
        typer.Option("--rejects", metavar="REJECTS.jsonl", help="Where rejected rows go: file, line, reason, raw."),
    ],
    report: Annotated[
        Path | None, typer.Option("--report", metavar="REPORT.json", help="Counts of rows, reasons and repairs.")
    ] = None,
    holdout: Annotated[
        list[Path] | None,
        typer.Option("--holdout", metavar="TEST.jsonl", help="Rows found here are rejected as leaks. May be repeated."),
    ] = None,
    max_tokens: Annotated[
        int | None,
        typer.Option("--max-tokens", min=1, help="Longest chat in tokens, template included; default: as in training."),
    ] = None,
    model: Model = None,
    profile: ProfileName = None,
    template: Template = None,
    columns: Annotated[
        list[str] | None,
        typer.Option("--map", metavar="COLUMN=FIELD", help="What a column is, such as ask=question. May be repeated."),
    ] = None,
    preference: Annotated[
        str,
        typer.Option("--preference", help="chosen: take the chosen answer of preference rows; else they are rejected."),
    ] = "",
    mask: Annotated[
        bool | None,
        typer.Option(
            "--mask/--no-mask", help="Mask personal data everywhere or nowhere; default: not where it is the task."
        ),
    ] = None,
    repair_html: Annotated[
        bool | None,
        typer.Option(
            "--repair-html/--no-repair-html", help="Strip HTML everywhere or nowhere; default: only leftovers."
        ),
    ] = None,
    near_duplicates: Annotated[
        Literal["keep", "drop"],
        typer.Option(
            "--near-duplicates",
            help="drop: a row whose answer agrees with an earlier row's, and whose prompt agrees outside of what many "
            "rows share, is rejected; keep: only equal rows are.",
        ),
    ] = "drop",
    near_threshold: Annotated[
        float,
        typer.Option(
            "--near-threshold",
            min=0.01,
            max=1,
            help="How far two prompts must agree (weighted Jaccard index) where the answer is long and rare and more "
            "than a word differs.",
        ),
    ] = 0.7,
    workers: Annotated[
        int | None, typer.Option("--workers", min=1, help="Processes; the outputs are the same. Default: the cores.")
    ] = None,
) -> None:
    """Clean chat data for fine-tuning: validate, repair, reject, de-duplicate. Nothing is dropped without a trace."""
    from helpers.chats import read_template
    from helpers.clean import ChatTokenizer, WorkerError, clean_files, parse_columns
    from helpers.machine import cores

    if preference not in ("", "chosen"):
        raise InputError(f"--preference {preference}: the only choice is chosen")
    pairs = parse_columns(columns or [])
    chosen = choose(profile, model, max_length=max_tokens)
    options: dict[str, Any] = {"max_tokens": chosen.max_length, "holdout": holdout or ()}
    options["tokenizer"] = ChatTokenizer(chosen.model, read_template(template) if template else "")
    options |= {"workers": workers or cores(), "columns": pairs, "preference": preference}
    options |= {"mask": mask, "repair_html": repair_html}
    options |= {"near_threshold": near_threshold if near_duplicates == "drop" else None}
    try:
        done = clean_files(inputs, out, rejects, report, **options)
    except WorkerError as error:
        print(f"error: {error}", file=sys.stderr)
        raise typer.Exit(1) from None
    print(done.text(str(out), str(rejects)))
    raise typer.Exit(0 if done.kept else 1)


@app.command()
def diagnose(
    report: Annotated[
        str | None,
        typer.Argument(
            metavar="FILE|TEXT|-", help="A traceback or log, or its text in quotes; - reads what is piped in."
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Say what an error means and how to fix it. Exit 1 if the catalogue does not know it."""
    from helpers import doctor

    if report is None:
        raise InputError(
            "nothing to diagnose: give a file (diagnose error.log), the error in quotes (diagnose 'ValueError: ...'),\n"
            "or pipe it in (my_command 2>&1 | python -m helpers diagnose -)"
        )
    found = doctor.diagnose(doctor.source(report))
    gone = became(*found.unexpected) if found.unexpected else []
    print(doctor.to_json(found, gone) if as_json else doctor.text(found, gone))
    raise typer.Exit(0 if found.case else 1)


def became(call: str, argument: str) -> list[str]:
    """What became of an argument that a call refused; where to look when nobody knows."""
    from helpers import drift

    return drift.about(call, argument) or [
        f"nothing is known of {argument}: python -m helpers drift FILE reads the script"
    ]


@app.command()
def reproduce(
    case: Annotated[
        str | None, typer.Argument(metavar="CASE", help="A case from the list, or its notebook's number; none: list.")
    ] = None,
    only: Annotated[
        str | None, typer.Option("--only", help="reproduce: show the error only, and let people find the rest.")
    ] = None,
    as_list: Annotated[bool, typer.Option("--list", help="List the cases.")] = False,
    as_json: AsJson = False,
) -> None:
    """Raise a real error, then show what it means, its fix and the proof. Exit 1 if anything goes otherwise."""
    from helpers import doctor
    from helpers import reproduce as errors

    if as_list or case is None:
        found = list(errors.lessons().values())
        print(errors.to_json(found) if as_json else errors.to_text(found))
        return
    if as_json or only not in (None, "reproduce"):
        raise InputError("--json goes with --list" if as_json else f"--only {only}: the only choice is reproduce")

    def show(step: errors.Step) -> None:
        print(errors.report(step, colours=sys.stdout.isatty()), flush=True)
        if step.error and not only:
            print(doctor.text(doctor.diagnose(step.traceback)), flush=True)

    outcome = errors.run_lesson(errors.find(case), errors.KINDS[:1] if only else errors.KINDS, show)
    if outcome.failure:
        print(f"not as it should be: {outcome.failure}", file=sys.stderr)
        raise typer.Exit(1)


@app.command()
def course(profile: ProfileName = None) -> None:
    """Clean, train, score before and after, merge and prove the merge; writes build/course.json."""
    from helpers import course as pipeline

    pipeline.run_course(choose(profile))


@app.command()
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
    learning_rate: Annotated[float | None, typer.Option(min=0, help="Peak learning rate.")] = None,
    max_length: Annotated[int | None, typer.Option(min=8, help="Longest conversation in tokens.")] = None,
    quantize: Annotated[
        bool | None, typer.Option("--quantize/--no-quantize", help="QLoRA (NF4 base) or plain LoRA.")
    ] = None,
    held_out: Annotated[
        Path | None, typer.Option("--eval", metavar="ROWS.jsonl", help="Rows to take the loss on at each checkpoint.")
    ] = None,
    template: Template = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of adapter, order of rows and dropout.")] = 0,
    report_to: Annotated[
        str, typer.Option("--report-to", metavar="NAME", help="Where losses go, too: tensorboard, wandb and so on.")
    ] = "none",
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with the run that was stopped for --out; start it if there is none.")
    ] = False,
) -> None:
    """Train an adapter on your rows. A run that was stopped goes on with the same command and --resume."""
    from helpers import resuming
    from helpers.chats import read_chat, read_template
    from helpers.training import check_report, last_complete_checkpoint, training_bar

    if epochs is not None and (steps or not 0 < epochs < float("inf")):
        raise InputError("give --steps or --epochs, not both" if steps else f"--epochs {epochs}: must be more than 0")
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
    conversations = read_chat(rows)
    length = f"{epochs:g} epochs" if epochs else f"{chosen.max_steps} steps"
    print(f"{len(conversations)} conversations; model {chosen.model}; {length}")
    checkpoint = last_complete_checkpoint(resuming.directory_of(out)) if resume else None
    print(f"going on from {checkpoint}" if checkpoint else f"if it is stopped, go on with: {again()}", flush=True)
    try:
        run = resuming.train(
            chosen,
            conversations,
            out,
            resume,
            epochs=epochs,
            eval_rows=read_chat(held_out) if held_out else (),
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


@app.command()
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


@app.command()
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
    """Merge an adapter into its base and write a model that loads like any other."""
    from helpers import merging
    from helpers.models import adapter_tokenizer, trained_in_4bit

    chosen = choose(profile, model)
    if out.exists():
        raise InputError(f"{out} exists already: choose another directory, or remove it first")
    path = path or ("full" if trained_in_4bit(adapter) is False else "dequantized")
    merged = merging.merge(adapter, chosen, path)
    print(f"merged model in {merging.save_merged(merged, adapter_tokenizer(adapter, chosen.model), out)}")


@app.command()
def drift(
    scripts: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Training scripts or notebooks.")],
    as_json: AsJson = False,
    fix: Annotated[
        bool, typer.Option("--fix", help="Write name.fixed.py or .fixed.ipynb beside it, with mechanical repairs.")
    ] = False,
) -> None:
    """Say what the installed libraries no longer accept in a script, without running it.

    Exit 1 if anything was found, whatever a notebook's own pip cell pins (the finding then says what holds there);
    exit 2 if a file could not be read, the others being reported all the same.
    """
    from helpers import drift

    checked = [drift.examine(script, fix) for script in scripts]
    print(drift.to_json(checked) if as_json else drift.to_text(checked))
    refused, found = any(one.refused for one in checked), any(one.findings for one in checked)
    raise typer.Exit(2 if refused else int(found))


def estimate(new_tokens: int, as_json: bool, **settings) -> None:
    """Predict the memory of a training step, of loading and of generating, from the architecture alone."""
    from helpers.memory import architecture

    asked = Settings(**{**settings, "targets": parse_targets(settings["targets"])})
    remarks = architecture.remarks(asked.model)  # a name that is nowhere ends here, before anything slow is imported

    from helpers.memory import inference, plan, report

    training, generating = plan.estimate(asked), inference.estimate_inference(asked, new_tokens)
    text = report.plan_text(training, remarks) + "\n" + report.inference_text(generating)
    print(report.plan_json(training, generating, remarks) if as_json else text)


def estimate_parameters() -> list[Parameter]:
    """The options of `estimate`: a field of Settings each, with its default and help, and two of the command's own."""
    options = []
    for one in fields(Settings):
        kind: Any = one.type if isinstance(one.type, type) else str
        default = Parameter.empty if one.default is MISSING else one.default
        name = f"--{one.name.replace('_', '-')}"
        flag = f"{name}/--no-{name[2:]}" if kind is bool and default else name
        annotation = Annotated[kind, typer.Option(flag, help=one.metadata["help"])]
        options.append(Parameter(one.name, Parameter.KEYWORD_ONLY, default=default, annotation=annotation))
    tokens = Annotated[int, typer.Option("--new-tokens", min=1, help="Tokens to generate, for inference.")]
    return [
        *options,
        Parameter("new_tokens", Parameter.KEYWORD_ONLY, default=256, annotation=tokens),
        Parameter("as_json", Parameter.KEYWORD_ONLY, default=False, annotation=AsJson),
    ]


command: Any = estimate
command.__signature__ = Signature(estimate_parameters())
command.__annotations__ = {one.name: one.annotation for one in estimate_parameters()}
app.command()(command)


@app.command()
def fit(
    model: Annotated[str, typer.Option("--model", help=Settings.__dataclass_fields__["model"].metadata["help"])],
    gpu_gb: Annotated[float, typer.Option("--gpu-gb", help="Memory of the GPU in GB, as it is sold.")],
    length: Annotated[int, typer.Option("--length", help="Tokens in a row; never shortened.")] = 1024,
    as_json: AsJson = False,
) -> None:
    """Find settings that a GPU can hold, giving up first what costs the result nothing. Exit 1 if there are none."""
    from helpers.memory import architecture

    remarks = architecture.remarks(model)

    from helpers.memory import fit as search
    from helpers.memory import report

    found = search.fit(model, gpu_gb, length)
    text = "\n".join([*remarks, report.fit_text(found, gpu_gb)])
    print(report.fit_json(found) if as_json else text)
    raise typer.Exit(0 if found.fits else 1)


def main(run: Callable[[], object] = app) -> None:
    """Run a command; wrong input is one clear line and exit code 2."""
    from helpers.quiet import quiet

    quiet()
    try:
        if not DATA.is_dir():
            raise InputError("the course's data is not here: clone the course, and there `pip install -e .`")
        run()
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        print("stopped; the next run starts clean", file=sys.stderr)
        sys.exit(130)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
