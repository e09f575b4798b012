"""Is this machine fit for the course? A line per requirement, each with its one-line fix."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from textwrap import fill

from packaging.version import InvalidVersion, Version

from helpers import profiles, requirements
from helpers.machine import Machine, probe
from helpers.profiles import Profile

# peft 0.21 raises ImportError where it makes an adapter and an older torchao is installed: is_torchao_available in its
# peft/import_utils.py.
TORCHAO_MINIMUM = Version("0.16.0")
# NVIDIA, CUDA Compatibility, "minor version compatibility": the oldest driver for each major CUDA version.
OLDEST_DRIVER = {11: 450, 12: 525, 13: 580}

# What the groups of requirements are for, where it is not the notebooks themselves.
NEEDED_FOR = {
    "data": "to rebuild the shipped data",
    "lab": "for make lab",
    "scale": "to clean on many machines",
    "serve": "for notebook 21 and helpers serve",
    "test": "for make test",
}


@dataclass(frozen=True)
class Row:
    """One checked thing: what was found, what the course wants, `ok`, `warn` or `fail`, and the fix in one line."""

    name: str
    found: str
    wanted: str
    status: str
    fix: str = ""


def check(machine: Machine | None = None, name: str | None = None) -> list[Row]:
    """Judge `machine` (default: this one) for the profile `name` (default: the one that is selected for it).

    `fail` means that the course cannot run as it stands, `warn` that something is untested, smaller or slower.
    A broken machine gives failing rows, never an exception; only an unknown profile name raises (InputError).
    """
    machine = machine or probe()
    profile = profiles.select(name, machine.gpus)
    return [
        _python(machine),
        *packages(machine.packages),
        _gpu(machine),
        _driver(machine),
        _bf16(machine),
        _memory(machine, profile),
        _disk(machine, profile),
        _bitsandbytes(machine),
        Row("profile", profile.name, "any", "ok", f"{profile.why}; another: set {profiles.VARIABLE}"),
    ]


def packages(found: dict[str, str]) -> list[Row]:
    """One row per requirement of requirements.txt, and one for torchao, which can keep peft from making adapters."""
    try:
        wanted, lock = requirements.tested(), requirements.locked()
    except (OSError, ValueError) as error:
        return [Row("requirements", type(error).__name__, "readable", "fail", "clone the course again: a file is gone")]
    rows = [_package(one, found.get(one.name), lock.get(one.name, "")) for one in wanted]
    return [*rows, _torchao(found.get("torchao"), found.get("peft"))]


def exit_code(rows: Sequence[Row]) -> int:
    """0 when no row fails, 1 when one does: for `python -m helpers check`."""
    return int(any(row.status == "fail" for row in rows))


def summary(rows: Sequence[Row]) -> str:
    """One sentence: how many lines are ok, warn and fail."""
    counts = {status: sum(row.status == status for row in rows) for status in ("ok", "warn", "fail")}
    return ", ".join(f"{count} {status}" for status, count in counts.items())


def table(rows: Sequence[Row], width: int = 0) -> str:
    """The rows as aligned plain text: in a terminal a line each, so that a fix can be copied whole.

    On a page that breaks long lines anywhere, give the `width` at which the last column goes on in the next line.
    """
    heads = ("", "what", "found", "wanted")
    cells = [(row.status, row.name, row.found, row.wanted) for row in rows]
    widths = [max(len(line[column]) for line in [heads, *cells]) for column in range(len(heads))]
    lines = []
    for line, last in zip([heads, *cells], ["fix or note", *(row.fix for row in rows)], strict=True):
        start = "  ".join(cell.ljust(size) for cell, size in zip(line, widths, strict=True)) + "  "
        if width:
            folded = fill(last, width, break_long_words=False, break_on_hyphens=False)
            last = folded.replace("\n", "\n" + " " * len(start))
        lines.append(start + last)
    return "\n".join(line.rstrip() for line in lines)


def to_json(rows: Sequence[Row], profile: Profile) -> str:
    """The same for a script: `ok`, the profile with every field, and the rows."""
    answer = {"ok": exit_code(rows) == 0, "profile": asdict(profile), "checks": [asdict(row) for row in rows]}
    return json.dumps(answer, indent=2, ensure_ascii=False)


def _python(machine: Machine) -> Row:
    specifier = requirements.python_range()
    verdict = requirements.judge(specifier, machine.python)
    wanted = requirements.readable(specifier)
    status = {"ok": "ok", "too new": "warn"}.get(verdict, "fail")
    fix = "" if status == "ok" else f"make the environment with a Python {wanted}"
    return Row("python", machine.python, wanted, status, fix)


def _package(one: requirements.Tested, found: str | None, exact: str) -> Row:
    verdict = requirements.judge(one.specifier, found)
    if verdict == "ok":
        return Row(one.name, found or "", one.range, "ok")
    fix = f"pip install {one.name}=={exact}" if exact else f'pip install "{one.name}{one.range}"'
    if verdict == "too new":
        fix = f"newer than tested; if something breaks: {fix}"
    if one.group != "course":
        fix = f"only {NEEDED_FOR.get(one.group, one.group)}: {fix}"
    serious = one.group == "course" and verdict != "too new"
    return Row(one.name, found or "missing", one.range, "fail" if serious else "warn", fix)


def torchao_blocks_peft(torchao: str | None, peft: str | None) -> bool:
    """Whether `get_peft_model` raises because of this torchao: peft 0.21 and newer refuse one older than 0.16."""
    try:
        old = torchao is not None and Version(torchao) < TORCHAO_MINIMUM
        return old and peft is not None and Version(peft) >= Version("0.21")
    except InvalidVersion:
        return False


def _torchao(torchao: str | None, peft: str | None) -> Row:
    blocked = torchao_blocks_peft(torchao, peft)
    fix = "pip uninstall -y torchao (the course does not use it; with it, `get_peft_model` raises)" if blocked else ""
    return Row("torchao", torchao or "none", f"none or >={TORCHAO_MINIMUM}", "fail" if blocked else "ok", fix)


def _gpu(machine: Machine) -> Row:
    if machine.gpus:
        names = ", ".join(f"{gpu.name} {gpu.memory_gib:.1f} GiB" for gpu in machine.gpus)
        several = "torch trains on the first; hide the others: CUDA_VISIBLE_DEVICES=0" if len(machine.gpus) > 1 else ""
        return Row("gpu", names, "none needed", "warn" if several else "ok", several)
    if "torch" in machine.problems:
        return Row("gpu", "torch does not import", "none needed", "fail", machine.problems["torch"])
    if machine.driver is None:
        return Row("gpu", "none", "none needed", "ok", "the course runs on the CPU")
    fix = "install a CUDA build of torch" if machine.torch_cuda is None else "update the NVIDIA driver, then restart"
    return Row("gpu", "there, unseen by torch", "none needed", "warn", fix)


def _driver(machine: Machine) -> Row:
    if "driver" in machine.problems:
        return Row("driver", "broken", "none needed", "warn", machine.problems["driver"])
    if machine.driver is None or machine.torch_cuda is None:
        return Row("driver", machine.driver or "none", "none needed", "ok")
    oldest = OLDEST_DRIVER.get(int(machine.torch_cuda.split(".")[0]), 0)
    too_old = int(machine.driver.split(".")[0]) < oldest
    fix = f"update the NVIDIA driver: torch is built for CUDA {machine.torch_cuda}" if too_old else ""
    return Row("driver", machine.driver, f">={oldest}", "fail" if too_old else "ok", fix)


def _bf16(machine: Machine) -> Row:
    wanted = "compute capability >=8.0"
    if not machine.gpus:
        return Row("bf16", "no GPU", wanted, "ok", "the CPU computes in float32")
    gpu = machine.gpus[0]
    found = f"capability {gpu.capability[0]}.{gpu.capability[1]}"
    if gpu.bf16:
        return Row("bf16", found, wanted, "ok")
    return Row("bf16", found, wanted, "warn", "nothing to do: the profile computes in float16")


def _memory(machine: Machine, profile: Profile) -> Row:
    wanted = f">={profile.memory_gb:g} GiB free"
    if machine.memory_gib is None or machine.free_memory_gib is None:
        return Row("memory", "unknown", wanted, "warn", machine.problems.get("memory", "pip install psutil"))
    found = f"{machine.free_memory_gib:.1f} of {machine.memory_gib:.1f} GiB free"
    if machine.free_memory_gib >= profile.memory_gb:
        return Row("memory", found, wanted, "ok")
    if machine.memory_gib >= profile.memory_gb:
        return Row("memory", found, wanted, "warn", "close other programs and shut down other kernels")
    return Row("memory", found, wanted, "fail", f"too little for {profile.name}: take a smaller profile or machine")


def _disk(machine: Machine, profile: Profile) -> Row:
    wanted = f">={profile.disk_gb:g} GiB free"
    if machine.free_disk_gib is None:
        return Row("disk", "unknown", wanted, "warn", machine.problems.get("disk", ""))
    short = profile.disk_gb - machine.free_disk_gib
    fix = f"free {short:.1f} GiB on the disk that holds the course (build/ may be deleted)" if short > 0 else ""
    return Row("disk", f"{machine.free_disk_gib:.1f} GiB free", wanted, "fail" if short > 0 else "ok", fix)


def _bitsandbytes(machine: Machine) -> Row:
    wanted = "cuda" if machine.gpus else "cpu"
    name, backend = "bitsandbytes library", machine.bitsandbytes_backend
    if backend == wanted:
        return Row(name, backend, wanted, "ok")
    if "bitsandbytes" not in machine.packages:
        return Row(name, "missing", wanted, "fail", "install bitsandbytes (its line above), then restart the kernel")
    reason = machine.problems.get("bitsandbytes", "see what `python -m bitsandbytes` prints, then reinstall it")
    return Row(name, backend or "not loaded", wanted, "fail", reason)
