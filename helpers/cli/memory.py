"""`estimate` and `fit`: what a GPU must hold, from the architecture alone."""

from dataclasses import MISSING, fields
from inspect import Parameter, Signature
from typing import Annotated, Any

import typer

from helpers.cli.options import AsJson
from helpers.memory.settings import Settings, parse_targets


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
