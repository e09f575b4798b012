"""Plain matplotlib pictures that more than one notebook draws.

Every picture labels its axes with units, stays legible at half width and can be read without colour: lines differ by
dash and marker, bars by hatch. Each function draws on `ax`, or on a new figure, and returns the Axes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import cycle

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter

GB = 1e9
UNITS = {"GB": (GB, "GB, 10⁹ bytes"), "MB": (1e6, "MB, 10⁶ bytes")}
DASHES: tuple[str | tuple[float, tuple[float, ...]], ...] = ("-", "--", "-.", ":", (0, (12, 3)))
Points = Sequence[float] | np.ndarray
MEMORY_TERMS = (
    "weights",
    "quantization_constants",
    "adapter",
    "optimizer",
    "gradients",
    "activations",
    "weight_copies",
    "head_and_loss",
    "temporary",
)
MARKERS = ("o", "s", "^", "D", "v", "x")
HATCHES = ("", "///", "...", "xxx", "\\\\\\", "ooo", "---", "|||", "++")
LABEL_BOX = {"facecolor": "white", "edgecolor": "none", "pad": 1}  # lines of limits do not cross the number
GREYS = ("#3b6ea5", "#e0a458", "#8fb996", "#b56576", "#cccccc", "#6d597a", "#f4d6cc", "#ffffff", "#8c8c8c")


def new_axes(width: float = 6.4, height: float = 3.6) -> Axes:
    """Axes on a figure of its own, in inches, with type large enough for half a page."""
    _, ax = plt.subplots(figsize=(width, height), layout="constrained")
    ax.tick_params(labelsize=11)
    return ax


def _finish(ax: Axes, x_label: str, y_label: str, title: str) -> Axes:
    ax.set_xlabel(x_label, fontsize=12)
    ax.set_ylabel(y_label, fontsize=12)
    ax.set_title(title, fontsize=12)
    ax.grid(alpha=0.3)
    return ax


def lines(
    curves: Mapping[str, tuple[Points, Points]],
    x_label: str,
    y_label: str,
    title: str = "",
    ax: Axes | None = None,
) -> Axes:
    """Curves by name, each (x values, y values); the dash and the marker tell them apart."""
    ax = ax or new_axes()
    for (name, (x, y)), dash, marker in zip(curves.items(), cycle(DASHES), cycle(MARKERS), strict=False):
        ax.plot(x, y, linestyle=dash, marker=marker, markevery=max(1, len(x) // 8), markersize=5, label=name)
    if len(curves) > 1:
        ax.legend(fontsize=10)
    return _finish(ax, x_label, y_label, title)


def log_scale(ax: Axes) -> None:
    """A logarithmic y axis with plain numbers at 1, 2, 5 and their tenfolds, also where it spans little."""
    ax.set_yscale("log")
    ax.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    ax.yaxis.set_major_formatter("{x:g}")
    ax.yaxis.set_minor_formatter(NullFormatter())


def sweep(
    groups: Mapping[str, Mapping[float, Sequence[float]]],
    x_label: str,
    y_label: str,
    title: str = "",
    ax: Axes | None = None,
) -> Axes:
    """For each name and x the mean of several seeds, with a bar from the lowest to the highest; infinite ones are left
    out of the picture, so a run that has diverged ends its curve."""
    ax = ax or new_axes()
    for (name, values), dash, marker in zip(groups.items(), cycle(DASHES), cycle(MARKERS), strict=False):
        seeds = {x: np.array(found) for x, found in values.items() if np.isfinite(found).all()}
        means = np.array([found.mean() for found in seeds.values()])
        bars = [means - [f.min() for f in seeds.values()], [f.max() for f in seeds.values()] - means]
        ax.errorbar(list(seeds), means, yerr=bars, linestyle=dash, marker=marker, markersize=5, capsize=4, label=name)
    if len(groups) > 1:
        ax.legend(fontsize=10)
    return _finish(ax, x_label, y_label, title)


def memory_bars(
    parts: Mapping[str, Mapping[str, float]],
    title: str = "",
    limits: Mapping[str, float] | None = None,
    ax: Axes | None = None,
    unit: str = "GB",
) -> Axes:
    """Horizontal stacked bars: label -> component -> bytes. `limits` (name -> bytes) are drawn as vertical lines.

    `unit` is that of the axis, GB or MB.
    """
    divisor, unit_name = UNITS[unit]
    ax = ax or new_axes(height=0.55 * len(parts) + 2.0)
    there = list(dict.fromkeys(name for bar in parts.values() for name in bar))
    known = dict.fromkeys((*MEMORY_TERMS, *there))  # a term looks the same in every picture
    left = np.zeros(len(parts))
    for component, colour, hatch in zip(known, cycle(GREYS), cycle(HATCHES), strict=False):
        if component not in there:
            continue
        widths = np.array([bar.get(component, 0) / divisor for bar in parts.values()])
        name = component.replace("_", " ")
        ax.barh(list(parts), widths, left=left, label=name, color=colour, hatch=hatch, edgecolor="black", linewidth=0.6)
        left += widths
    for total, row in zip(left, range(len(parts)), strict=True):
        label = ax.annotate(f"{total:.3g}", (total, row), (4, 0), textcoords="offset points", va="center", fontsize=10)
        label.set_bbox(LABEL_BOX)
    for (name, size), dash in zip((limits or {}).items(), cycle(DASHES[1:]), strict=False):
        ax.axvline(size / divisor, color="black", linestyle=dash, label=name)
    ax.invert_yaxis()
    ax.set_xlim(right=1.15 * max([*left, *(size / divisor for size in (limits or {}).values())]))
    ax.figure.legend(fontsize=9, loc="outside lower center", ncols=3, handlelength=4)
    return _finish(ax, f"memory ({unit_name})", "", title)


def waterfall(
    left: Mapping[str, float], title: str = "", limits: Mapping[str, float] | None = None, ax: Axes | None = None
) -> Axes:
    """Remedies from top to bottom: name -> bytes left after it; the first is the start. Hatched: what it took away."""
    ax = ax or new_axes(height=0.4 * len(left) + 1.6)
    sizes = np.array(list(left.values())) / GB
    before = np.concatenate([sizes[:1], sizes[:-1]])
    ax.barh(list(left), sizes, color=GREYS[0], edgecolor="black", label="left")
    ax.barh(list(left), before - sizes, left=sizes, color=GREYS[4], edgecolor="black", hatch="///", label="saved")
    for size, end, row in zip(sizes, np.maximum(before, sizes), range(len(left)), strict=True):
        label = ax.annotate(f"{size:.3g}", (end, row), (4, 0), textcoords="offset points", va="center", fontsize=10)
        label.set_bbox(LABEL_BOX)
    for (name, size), dash in zip((limits or {}).items(), cycle(DASHES[1:]), strict=False):
        ax.axvline(size / GB, color="black", linestyle=dash, label=name)
    ax.invert_yaxis()
    ax.set_xlim(right=1.15 * sizes.max())
    ax.legend(fontsize=9, loc="lower right")
    return _finish(ax, "memory (GB, 10⁹ bytes)", "", title)


def spectrum(singular_values: Mapping[str, Sequence[float]], title: str = "", ax: Axes | None = None) -> Axes:
    """Singular values by name, each divided by its largest, over their index (1 = largest), logarithmic."""
    scaled = {
        name: (np.arange(1, len(values) + 1), np.asarray(values) / np.asarray(values).max())
        for name, values in singular_values.items()
    }
    ax = lines(scaled, "index of singular value", "singular value / largest", title, ax)
    ax.set_xscale("log")
    ax.set_yscale("log")
    return ax


def intervals(
    groups: Mapping[str, Mapping[str, tuple[float, float, float]]],
    x_label: str,
    title: str = "",
    ax: Axes | None = None,
) -> Axes:
    """A row for each label, in it a marker with its interval for each group: (value, low, high), in the axis's unit.

    A single group needs no name.
    """
    labels = list(next(iter(groups.values())))
    ax = ax or new_axes(height=0.42 * len(labels) + 1.4)
    rows = np.arange(len(labels))
    for place, ((name, values), marker) in enumerate(zip(groups.items(), cycle(MARKERS), strict=False)):
        middle, low, high = np.array([values[label] for label in labels]).T
        shift = 0.3 * (place - (len(groups) - 1) / 2)
        ax.errorbar(middle, rows + shift, xerr=[middle - low, high - middle], fmt=marker, capsize=4, label=name)
    ax.set_yticks(rows, labels)
    ax.invert_yaxis()
    if len(groups) > 1:
        ax.legend(fontsize=10)
    return _finish(ax, x_label, "", title)


def rank_and_alpha(
    counts: Mapping[str, Mapping[int, int]], total: int, rank: int, alpha: float, rank_stabilized: bool, title: str = ""
) -> Figure:
    """Two pictures for one choice: trainable share over rank for each set of modules, and the scale over rank.

    `counts` maps a set of modules to rank -> trainable parameters; `total` is the base's parameter count.
    """
    figure, (left, right) = plt.subplots(1, 2, figsize=(9.6, 3.6), layout="constrained")
    figure.suptitle(title, fontsize=12)
    ranks = np.array(list(next(iter(counts.values()))))
    shares = {
        name: (ranks, [100 * count / (total + count) for count in by_rank.values()]) for name, by_rank in counts.items()
    }
    lines(shares, "rank", "trainable (% of all)", "what it costs", left)
    scales = {"alpha / rank (LoRA)": (ranks, alpha / ranks), "alpha / √rank (rsLoRA)": (ranks, alpha / np.sqrt(ranks))}
    lines(scales, "rank", "scale of B A x", f"what alpha = {alpha:g} does", right)
    chosen = alpha / np.sqrt(rank) if rank_stabilized else alpha / rank
    right.legend(fontsize=10, loc="lower left")  # else it covers the line of the rank
    right.plot([rank], [chosen], marker="*", markersize=16, color="black")
    for ax in (left, right):
        ax.axvline(rank, color="black", linestyle=":")
        ax.set_xscale("log", base=2)
        ax.set_yscale("log")
        ax.tick_params(labelsize=11)
    return figure
