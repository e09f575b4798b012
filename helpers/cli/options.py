"""What several commands take, and the profile that it makes."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

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
    """The profile `name` with what the user set instead of its own values; the hub's bars show where it downloads.

    The rate, length and steps of `tiny` are made for the embedded base: another model has those of the smallest GPU
    profile, unless `tiny` was asked for.
    """
    from helpers import profiles
    from helpers.quiet import quiet

    chosen: dict[str, Any] = {key: value for key, value in values.items() if value is not None}
    profile = profiles.select(name)
    if model:
        chosen |= {"model": model, "random_weights": False}
        if profiles.is_embedded(profile.model) and not profiles.is_embedded(model) and not profiles.asked(name):
            profile = profiles.select("gpu-0.5b")
    profile = replace(profile, **chosen)
    quiet(progress_bars=not Path(profile.model).exists())
    return profile
