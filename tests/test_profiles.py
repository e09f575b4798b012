"""Profiles: the choice follows the hardware, says why, and can be overridden."""

import os

import pytest

from helpers import profiles
from helpers.errors import InputError
from helpers.machine import Gpu

T4 = Gpu("Tesla T4", 14.7, (7, 5))
RTX_3060 = Gpu("RTX 3060", 11.6, (8, 6))
L4 = Gpu("NVIDIA L4", 22.2, (8, 9))
GTX_1050 = Gpu("GTX 1050", 1.9, (6, 1))
SMALL = Gpu("RTX A400", 3.8, (8, 6))


@pytest.fixture(autouse=True)
def no_variable(monkeypatch):
    monkeypatch.delenv(profiles.VARIABLE, raising=False)


@pytest.mark.parametrize(
    ("gpus", "name", "dtype"),
    [
        ([], "tiny", "float32"),
        ([GTX_1050], "tiny", "float32"),
        ([SMALL], "gpu-0.5b", "bfloat16"),
        ([RTX_3060], "gpu-1.5b", "bfloat16"),
        ([T4], "gpu-1.5b", "float16"),
        ([L4], "gpu-7b", "bfloat16"),
        ([T4, L4], "gpu-1.5b", "float16"),
    ],
)
def test_choice_follows_the_first_gpu(gpus, name, dtype):
    profile = profiles.select(gpus=gpus)
    assert (profile.name, profile.dtype) == (name, dtype)


def test_random_weights_are_never_chosen_unasked():
    huge = Gpu("H200", 139.8, (9, 0))
    assert profiles.select(gpus=[huge]).name == "gpu-7b"
    assert profiles.select("gpu-7b-random", [huge]).random_weights


def test_reason_names_the_hardware():
    assert profiles.select(gpus=[]).why == "torch sees no CUDA GPU"
    assert profiles.select(gpus=[T4]).why == "Tesla T4, 14.7 GiB, compute capability 7.5"


def test_variable_overrides_and_argument_overrides_the_variable(monkeypatch):
    monkeypatch.setenv(profiles.VARIABLE, "gpu-0.5b")
    by_variable = profiles.select(gpus=[L4])
    assert by_variable.name == "gpu-0.5b"
    assert "asked for by COURSE_PROFILE" in by_variable.why
    by_argument = profiles.select("tiny", [L4])
    assert by_argument.name == "tiny"
    assert "asked for by argument" in by_argument.why


def test_empty_variable_means_unset(monkeypatch):
    monkeypatch.setenv(profiles.VARIABLE, " ")
    assert profiles.select(gpus=[]).name == "tiny"


def test_too_big_a_profile_is_given_with_a_warning_in_its_reason():
    without = profiles.select("gpu-7b", [])
    assert without.dtype == "float32"
    assert "which this profile is made for" in without.why
    assert "less than the 22 GiB" in profiles.select("gpu-7b", [T4]).why


@pytest.mark.parametrize("where", ["argument", "COURSE_PROFILE"])
def test_unknown_name_lists_the_names(monkeypatch, where):
    if where == "COURSE_PROFILE":
        monkeypatch.setenv(profiles.VARIABLE, "huge")
    with pytest.raises(InputError) as caught:
        profiles.select("huge" if where == "argument" else None, gpus=[])
    assert where in str(caught.value)
    assert all(name in str(caught.value) for name in profiles.PROFILES)


def test_a_broken_torch_leaves_tiny(monkeypatch):
    def broken():
        raise OSError("libcudart.so: cannot open shared object file")

    monkeypatch.setattr(profiles, "torch_gpus", broken)
    assert profiles.select().name == "tiny"


def test_every_profile_is_complete():
    for name, profile in profiles.PROFILES.items():
        assert name == profile.name
        assert profile.dtype in ("float32", "bfloat16")
        assert profile.alpha >= profile.rank > 0
        assert min(profile.batch_size, profile.gradient_accumulation, profile.max_steps, profile.max_length) > 0
        if os.sep in profile.model and profile.random_weights:
            assert profile.model.endswith(".json")


def test_a_shortened_profile_takes_the_steps_asked_for_at_a_higher_rate():
    tiny = profiles.PROFILES["tiny"]
    short = profiles.shortened(tiny, 40)
    assert short.max_steps == 40 and short.learning_rate == 2 * tiny.learning_rate
    assert (short.name, short.batch_size, short.rank) == (tiny.name, tiny.batch_size, tiny.rank)
