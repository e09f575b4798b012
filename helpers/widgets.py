"""Sliders for readers with a kernel. Each explorer has a static twin in `helpers.plots`, for readers without one.

Only calls that ipywidgets 7.7 and 8 share are used. The notebooks store no widget state.
"""

from __future__ import annotations

from collections.abc import Mapping
from io import BytesIO
from typing import TYPE_CHECKING

from helpers import lora_math, plots

if TYPE_CHECKING:
    from ipywidgets import VBox
    from matplotlib.figure import Figure
    from torch.nn import Module

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
    import matplotlib.pyplot as plt

    model = ipywidgets.Dropdown(options=list(models), description="model")
    modules = ipywidgets.Dropdown(options=list(MODULE_SETS), value="all linear", description="modules")
    rank = ipywidgets.SelectionSlider(options=list(RANKS), value=16, description="rank")
    alpha = ipywidgets.IntSlider(value=32, min=1, max=128, description="alpha", continuous_update=False)
    rank_stabilized = ipywidgets.Checkbox(value=False, description="rsLoRA")
    words, picture = ipywidgets.Label(), ipywidgets.Image(format="png")

    def draw(_change=None) -> None:
        chosen = rank.value, alpha.value, modules.value, rank_stabilized.value
        words.value, figure = draw_rank_and_alpha(models[model.value], model.value, *chosen)
        png = BytesIO()
        figure.savefig(png, format="png", dpi=100)
        plt.close(figure)  # else the cell would show it once more
        picture.value = png.getvalue()

    controls = [model, modules, rank, alpha, rank_stabilized]
    for control in controls:
        control.observe(draw, names="value")
    draw()
    return ipywidgets.VBox([*controls, words, picture])
