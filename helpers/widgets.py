"""Sliders for readers with a kernel. Each explorer has a static twin in `helpers.plots`, for readers without one.

Only calls that ipywidgets 7.7 and 8 share are used. The notebooks store no widget state.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from io import BytesIO
from typing import TYPE_CHECKING

from helpers import lora_math, myths, plots

if TYPE_CHECKING:
    from ipywidgets import ValueWidget, VBox
    from matplotlib.figure import Figure
    from torch.nn import Module

    from helpers.memory import Settings
    from helpers.myths import Myth

RANKS = tuple(2**power for power in range(9))  # 1 ... 256
MODULE_SETS = {
    "q, v": ("q_proj", "v_proj"),
    "q, k, v, o": ("q_proj", "k_proj", "v_proj", "o_proj"),
    "all linear": "all-linear",
}


def draw_rank_and_alpha(
    model: Module, name: str, rank: int, alpha: float, modules: str = "all linear", rank_stabilized: bool = False
) -> tuple[str, Figure]:
    """One state of the explorer: a line (parameters, file size, scale) and a figure.

    `model` needs q_proj, k_proj, v_proj and o_proj (Llama, Mistral, Qwen2 and their kin); the meta device will do.
    """
    total = lora_math.parameter_count(model)
    per_rank = {label: lora_math.lora_parameter_count(model, 1, targets) for label, targets in MODULE_SETS.items()}
    count = rank * per_rank[modules]
    scaling = lora_math.lora_scaling(alpha, rank, rank_stabilized)
    line = (
        f"{name}, rank {rank}, {modules}: {count:,} parameters beside {total:,} "
        f"({count / (total + count):.3%} of all), "
        f"{4 * count / 1e6:,.4g} MB in float32; scale {scaling:.3g}"
    )
    counts = {label: {r: r * one for r in RANKS} for label, one in per_rank.items()}
    return line, plots.rank_and_alpha(counts, total, rank, alpha, rank_stabilized, name)


def rank_alpha_explorer(models: Mapping[str, Module]) -> VBox:
    """Sliders for rank and alpha, menus for model and modules, a box for rsLoRA; line and picture follow.

    `models` maps a name to a model as `draw_rank_and_alpha` takes it. Show the returned box as a cell's last value.
    """
    import ipywidgets

    model = ipywidgets.Dropdown(options=list(models), description="model")
    modules = ipywidgets.Dropdown(options=list(MODULE_SETS), value="all linear", description="modules")
    rank = ipywidgets.SelectionSlider(options=list(RANKS), value=16, description="rank")
    alpha = ipywidgets.IntSlider(value=32, min=1, max=128, description="alpha", continuous_update=False)
    rank_stabilized = ipywidgets.Checkbox(value=False, description="rsLoRA")
    controls = dict(name=model, modules=modules, rank=rank, alpha=alpha, rank_stabilized=rank_stabilized)
    return _explorer(controls, lambda name, **values: draw_rank_and_alpha(models[name], name, **values))


def draw_memory(settings: Settings, gpu_gb: float) -> tuple[str, Figure]:
    """One state of the memory explorer: a line (peak, whether a GPU of `gpu_gb` holds it) and bars for each moment."""
    from helpers.memory.fit import usable_bytes
    from helpers.memory.plan import estimate

    plan = estimate(settings)
    verdict = "fits" if plan.peak <= usable_bytes(gpu_gb) else "does NOT fit"
    line = f"{settings.model}, {settings.method}: peak {plan.peak / plots.GB:.2f} GB in {plan.peak_moment}; {verdict}"
    bars = {moment: plan.parts(moment) for moment in plan.moments}
    title = f"{settings.model}, {settings.method}, {settings.batch} x {settings.length} tokens"
    ax = plots.memory_bars(bars, title, {f"GPU of {gpu_gb:g} GB": usable_bytes(gpu_gb)})
    figure = ax.get_figure(root=True)
    assert figure  # axes that were just drawn have one
    return line, figure


def memory_explorer(models: Sequence[str], gpus: Sequence[float] = (8, 12, 16, 24, 48, 80)) -> VBox:
    """Menus for model, method and GPU, sliders for batch and length, boxes for two remedies; the bars follow.

    `models` are names that `helpers.memory.Settings` takes. A change takes a second or two: the step is run anew on
    tensors without memory. Show the returned box as a cell's last value.
    """
    import ipywidgets

    from helpers.memory.settings import LOSSES, METHODS, Settings

    model = ipywidgets.Dropdown(options=list(models), description="model")
    method = ipywidgets.Dropdown(options=list(METHODS), value="lora", description="method")
    gpu = ipywidgets.SelectionSlider(options=list(gpus), value=24, description="GPU, GB")
    batch = ipywidgets.SelectionSlider(options=[2**n for n in range(7)], value=4, description="batch")
    length = ipywidgets.SelectionSlider(options=[2**n for n in range(7, 14)], value=1024, description="tokens")
    checkpointing = ipywidgets.Checkbox(value=False, description="checkpointing")
    loss = ipywidgets.Dropdown(options=list(LOSSES), description="loss")

    controls = dict(
        model=model,
        method=method,
        gpu_gb=gpu,
        batch=batch,
        length=length,
        checkpointing=checkpointing,
        loss=loss,
    )
    return _explorer(controls, lambda gpu_gb, **values: draw_memory(Settings(**values), gpu_gb))


def _explorer(controls: dict[str, ValueWidget], draw: Callable[..., tuple[str, Figure]]) -> VBox:
    """The controls above a line and a picture, both drawn anew by `draw` (a keyword for each control) at any change."""
    import ipywidgets
    import matplotlib.pyplot as plt
    from IPython.display import Image, display

    def show(**values) -> None:
        line, figure = draw(**values)
        png = BytesIO()
        figure.savefig(png, format="png", dpi=100)
        plt.close(figure)  # else the cell would show it once more
        print(line)
        display(Image(png.getvalue()))

    return ipywidgets.VBox([*controls.values(), ipywidgets.interactive_output(show, controls)])


def myth_explorer(found: Sequence[Myth]) -> VBox:
    """Words, a menu of verdicts and one of lessons above the table of the claims that have them all.

    Show the returned box as a cell's last value.
    """
    import ipywidgets
    from IPython.display import Markdown, display

    lessons = sorted({myth["notebook"] for myth in found})
    controls = dict(
        words=ipywidgets.Text(description="words", continuous_update=False),
        ruling=ipywidgets.Dropdown(
            options=[("any", ""), *((text, name) for name, text in myths.RULINGS.items())], description="verdict"
        ),
        notebook=ipywidgets.Dropdown(options=[("any", ""), *((name, name) for name in lessons)], description="lesson"),
    )

    def show(**wanted: str) -> None:
        left = myths.find_myths(found, **wanted)
        print(f"{len(left)} of {len(found)}")
        display(Markdown(myths.table(left)))

    return ipywidgets.VBox([*controls.values(), ipywidgets.interactive_output(show, controls)])
