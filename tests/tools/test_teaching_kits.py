"""The files for a group that starts in the middle, and the stick for laptops without a network."""

import subprocess
import sys

import pytest
import torch

from helpers import profiles
from helpers.models import load_adapter, load_merged, load_tokenizer
from tools import catch_up, offline_kit


@pytest.mark.slow
def test_catch_up_writes_an_adapter_and_its_merge_and_keeps_what_is_there(tmp_path):
    profile = profiles.shortened(profiles.PROFILES["tiny"], 2)
    rows, adapter, merged = catch_up.write(profile, tmp_path / "catch-up")
    tokens = load_tokenizer(profile.model)("Ticket 17", return_tensors="pt")
    with torch.no_grad():
        wanted = load_adapter(adapter, profile).eval()(**tokens).logits
        found = load_merged(merged, profile).eval()(**tokens).logits
    assert rows.read_text(encoding="utf-8").count("\n") > 1000
    assert (found - wanted).abs().max() < 0.5 < wanted.abs().max()
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "catch-up").rglob("*")}
    catch_up.write(profile, tmp_path / "catch-up")
    assert before == {path: path.stat().st_mtime_ns for path in (tmp_path / "catch-up").rglob("*")}


def test_the_clone_on_the_stick_is_whole_and_knows_no_path_of_this_machine(tmp_path):
    offline_kit.clone(tmp_path / "lora-course")
    assert (tmp_path / "lora-course" / "data" / "base" / "model.safetensors").stat().st_size > 1e6
    config = (tmp_path / "lora-course" / ".git" / "config").read_text(encoding="utf-8")
    assert str(offline_kit.ROOT) not in config and "remote" not in config


def test_a_participant_installs_what_the_stick_says():
    """The lines of INSTALL.txt are those that `prove` runs, and need no index."""
    lines = [line.strip() for line in offline_kit.INSTALL.splitlines() if "pip install" in line]
    assert len(lines) == 2
    for line in lines:
        assert " ".join(offline_kit.OPTIONS) in line and "--no-index" in line and "[lab]" in line
    for group in offline_kit.GROUPS:
        assert (offline_kit.ROOT / "requirements" / f"{group}.txt").exists()


@pytest.mark.parametrize(
    ("command", "says"),
    [(["prove", "nowhere"], "nowhere is no kit"), (["build", "kit", "--platform", "no_such"], "failed")],
)
def test_what_is_wrong_is_said_in_one_line(command, says, tmp_path, monkeypatch):
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PYTHONPATH", str(offline_kit.ROOT))
    ran = subprocess.run(
        [sys.executable, "-m", "tools.offline_kit", *command], cwd=tmp_path, capture_output=True, text=True
    )
    assert ran.returncode == 1 and ran.stderr.startswith("error: ") and says in ran.stderr
    assert len(ran.stderr.splitlines()) == 1
