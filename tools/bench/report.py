"""From the benchmarks to the card, and from the card to what people read: the terminal and data/runs/README.md."""

import importlib
import re
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from helpers import ROOT
from helpers.errors import InputError
from helpers.files import save_text
from tools.bench import BENCHMARKS, card
from tools.bench.card import Options

PAGE = card.CARD.with_name("README.md")
SECTION = re.compile(r"(<!-- figures of (\S+) -->\n).*?(?=<!-- end of figures -->)", re.DOTALL)


def run_all(names: Iterable[str], options: Options, say: Callable[[str], None] = lambda text: None) -> dict:
    """Run the benchmarks one after the other; the card. `say` is given each one's figures when it is done."""
    from helpers.machine import peak_bytes

    start, done = time.perf_counter(), {}
    machine = card.machine()
    for name in names:
        say(f"\n{name}: {BENCHMARKS[name]}")
        began = time.perf_counter()
        result = importlib.import_module(f"tools.bench.{name}").run(options)
        done[name] = card.entry(result, time.perf_counter() - began)
        say(text(done[name]))
    return {
        "machine": machine,
        "versions": card.versions(),
        "seed": 0,
        "repeats": options.repeats,
        "seconds": round(time.perf_counter() - start, 1),
        "peak_bytes": peak_bytes(),
        "benchmarks": done,
    }


def failures(done: dict) -> list[str]:
    """The checks that failed, each with its benchmark."""
    checks = ((name, one["checks"]) for name, one in done["benchmarks"].items())
    return [f"{name}: {check}" for name, found in checks for check, passed in found.items() if not passed]


def figure(measured: dict) -> str:
    """Median and spread in the unit that is easiest to read."""
    scale, unit = (1e6, "MB") if measured["unit"] == "bytes" else (1, measured["unit"])
    unit = "" if unit == "times" else f" {unit}"
    middle, least, most = (number(value / scale) for value in (measured["median"], *measured["spread"]))
    several = f" ({least} to {most})" if len(measured["values"]) > 1 else ""
    return f"{middle}{unit}{several}"


def number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def text(one: dict) -> str:
    """A benchmark for the terminal: medians with spreads, ratios, claims, checks."""
    shown = {name: one["measurements"][name] for name in one["headlines"]}
    lines = [f"  {name:32} {figure(measured)}" for name, measured in (shown | one["ratios"]).items()]
    for claim in one["claims"]:
        verdict = "agrees" if claim["agrees"] else "does not agree"
        lines.append(f"  {claim['part']}: {verdict}, {claim['ratio']} is {number(claim['measured'])}")
    lines += [f"  {'yes' if ok else 'NO'}: {check}" for check, ok in one["checks"].items()]
    return "\n".join([*lines, f"  {one['seconds']:.0f} s"])


def section(done: dict) -> str:
    """The figures as the page shows them, with the machine that they are from."""
    machine = done["machine"]
    gpus = ", ".join(machine["gpus"]) or "no GPU"
    lines = [
        f"Medians of {done['repeats']} (least to most) on: {machine['cpu']}, {machine['cores']} cores, "
        f"{machine['memory_gib']:g} GiB, {gpus}, load {machine['load']:g}; torch {done['versions']['torch']}.",
        "",
        "| | measured |",
        "|---|---|",
    ]
    for name, one in done["benchmarks"].items():
        shown = {key: one["measurements"][key] for key in one["headlines"]}
        lines += [f"| {name}: {key} | {figure(measured)} |" for key, measured in (shown | one["ratios"]).items()]
    claims = [claim for one in done["benchmarks"].values() for claim in one["claims"]]
    if claims:
        lines += ["", "| what is claimed | ratio | claimed | measured |", "|---|---|---|---|"]
    for claim in claims:
        low, high = claim["claimed"]
        span = f"{low:g} to {high:g}" if high else f"above {low:g}"
        lines.append(f"| {claim['part']} | {claim['ratio']} | {span} | {number(claim['measured'])} |")
    return "\n".join(lines) + "\n"


def with_figures(page: str, read: Callable[[Path], dict] = card.read) -> str:
    """The page's text with the figures of each card that it names. InputError if it has no place for them."""
    if not SECTION.search(page):
        raise InputError("the page has no place for the figures: the two comments around them are gone")
    return SECTION.sub(lambda found: found[1] + section(read(ROOT / found[2])), page)


if __name__ == "__main__":  # after a new card: python -m tools.bench.report
    save_text(PAGE, with_figures(PAGE.read_text(encoding="utf-8")))
