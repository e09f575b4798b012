"""Which model, precision and training sizes this machine can take: one course, several sizes."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from helpers import DATA
from helpers.errors import InputError
from helpers.machine import Gpu, torch_gpus

VARIABLE = "COURSE_PROFILE"


@dataclass(frozen=True)
class Profile:
    """Everything that differs between a laptop and a big GPU; the notebooks read these fields and nothing else.

    Lengths are in tokens, memory in GiB (what torch and the system report), disk in GiB to have free for weights,
    checkpoints and merged copies. `random_weights` asks for the architecture of the config in `data/configs` with
    weights drawn at random: memory and speed are the real ones, answers are noise, nothing is downloaded.
    """

    name: str
    model: str
    dtype: str
    quantize: bool
    batch_size: int
    gradient_accumulation: int
    max_length: int
    max_steps: int
    learning_rate: float
    rank: int
    alpha: int
    random_weights: bool
    min_gpu_gb: float
    memory_gb: float
    disk_gb: float
    why: str = ""


# `tiny`: the best of the shorter tries; at 2e-3 the base forgot more (data/base/README.md has the table). 2e-4 is what
# TRL's guide and the QLoRA paper (arXiv 2305.14314, table 9) use for models of the other sizes.
_TINY = Profile(
    name="tiny",
    model=str(DATA / "base"),
    dtype="float32",
    quantize=True,
    batch_size=4,
    gradient_accumulation=1,
    max_length=320,
    max_steps=560,
    learning_rate=1.5e-3,
    rank=16,
    alpha=32,
    random_weights=False,
    min_gpu_gb=0,
    memory_gb=3,
    disk_gb=2,
)
# The GPU thresholds are what cards of 4, 12 and 24 GB report to torch, in GiB (an RTX 3060 11.6, an L4 22.2).
_SMALL_GPU = Profile(
    name="gpu-0.5b",
    model="Qwen/Qwen2.5-0.5B-Instruct",
    dtype="bfloat16",
    quantize=True,
    batch_size=8,
    gradient_accumulation=2,
    max_length=512,
    max_steps=300,
    learning_rate=2e-4,
    rank=16,
    alpha=32,
    random_weights=False,
    min_gpu_gb=3.5,
    memory_gb=6,
    disk_gb=6,
)
_MIDDLE_GPU = replace(
    _SMALL_GPU, name="gpu-1.5b", model="Qwen/Qwen2.5-1.5B-Instruct", min_gpu_gb=11, memory_gb=8, disk_gb=12
)
_BIG_GPU = replace(
    _SMALL_GPU,
    name="gpu-7b",
    model="Qwen/Qwen2.5-7B-Instruct",
    batch_size=4,
    gradient_accumulation=4,
    min_gpu_gb=22,
    memory_gb=20,
    disk_gb=50,
)
_RANDOM_GPU = replace(
    _BIG_GPU,
    name="gpu-7b-random",
    model=str(DATA / "configs" / "qwen2.5-7b.json"),
    random_weights=True,
    max_steps=20,
    disk_gb=2,
)
PROFILES = {profile.name: profile for profile in (_TINY, _SMALL_GPU, _MIDDLE_GPU, _BIG_GPU, _RANDOM_GPU)}


def select(name: str | None = None, gpus: Sequence[Gpu] | None = None) -> Profile:
    """The profile to use, with the reason in `why`: `name` if given, else $COURSE_PROFILE, else what the GPU can take.

    `gpus` are the devices to judge by (default: those torch sees here); training uses the first. bfloat16 turns into
    float16 on a card older than compute capability 8.0 and into float32 without a card.
    Raises InputError for an unknown name, with the names there are.
    """
    wanted, source = asked(name), "argument" if name else VARIABLE
    if wanted and wanted not in PROFILES:
        raise InputError(f"no profile is called {wanted!r} (from {source}): use one of {', '.join(PROFILES)}")
    gpu = next(iter(_usable_gpus() if gpus is None else gpus), None)
    profile = PROFILES[wanted] if wanted else _largest_that_fits(gpu)
    why = f"asked for by {source}; " if wanted else ""
    return replace(profile, dtype=_dtype(profile, gpu), why=why + _hardware(profile, gpu))


def asked(name: str | None) -> str:
    """The profile that somebody asked for: `name`, else $COURSE_PROFILE; "" if nobody did."""
    return name or os.environ.get(VARIABLE, "").strip()


def is_embedded(model: str) -> bool:
    """Whether a profile's `model` is the course's own base, which knows tickets and nothing else."""
    return Path(model).resolve() == Path(_TINY.model).resolve()


def shortened(profile: Profile, steps: int) -> Profile:
    """The profile for a run of only `steps` optimizer steps: at twice the rate, so that it gets somewhere."""
    return replace(profile, max_steps=steps, learning_rate=2 * profile.learning_rate)


def _usable_gpus() -> tuple[Gpu, ...]:
    try:
        return torch_gpus()
    except Exception:  # torch is missing or broken: the environment check says so, the choice is still `tiny`
        return ()


def _largest_that_fits(gpu: Gpu | None) -> Profile:
    automatic = (profile for profile in PROFILES.values() if not profile.random_weights)
    memory = gpu.memory_gib if gpu else 0.0
    return max((profile for profile in automatic if profile.min_gpu_gb <= memory), key=lambda fits: fits.min_gpu_gb)


def _dtype(profile: Profile, gpu: Gpu | None) -> str:
    if profile.dtype != "bfloat16":
        return profile.dtype
    if gpu is None:
        return "float32"
    return "bfloat16" if gpu.bf16 else "float16"


def _hardware(profile: Profile, gpu: Gpu | None) -> str:
    if gpu is None:
        return "torch sees no CUDA GPU" + (", which this profile is made for" if profile.min_gpu_gb else "")
    facts = f"{gpu.name}, {gpu.memory_gib:.1f} GiB, compute capability {gpu.capability[0]}.{gpu.capability[1]}"
    if gpu.memory_gib < profile.min_gpu_gb:
        facts += f", less than the {profile.min_gpu_gb:g} GiB this profile is made for"
    return facts
