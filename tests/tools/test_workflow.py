"""The scheduled workflow: the README's commands on the Pythons and systems that the README names."""

import re
import shlex
import tomllib

import pytest
import yaml

from helpers import ROOT
from helpers.cli import COMMANDS

WORKFLOW = yaml.safe_load((ROOT / ".github" / "workflows" / "weekly.yml").read_text(encoding="utf-8"))
README = (ROOT / "README.md").read_text(encoding="utf-8")
STEPS = [step["run"] for job in WORKFLOW["jobs"].values() for step in job["steps"] if "run" in step]


def test_it_runs_by_the_clock_on_each_python_that_the_package_takes():
    assert WORKFLOW[True]["schedule"]  # YAML reads the key `on` as true
    wanted = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["requires-python"]
    low, high = (int(minor) for minor in re.findall(r"3\.(\d+)", wanted))
    for job in WORKFLOW["jobs"].values():
        assert job["strategy"]["matrix"]["python"] == [f"3.{minor}" for minor in range(low, high)]


def test_it_runs_on_three_systems_with_pinned_oldest_and_newest_packages():
    matrix = WORKFLOW["jobs"]["without-make"]["strategy"]["matrix"]
    assert [name.partition("-")[0] for name in matrix["os"]] == ["ubuntu", "windows", "macos"]
    assert matrix["dependencies"] == ["pinned", "oldest", "newest"]


@pytest.mark.parametrize("command", ["make course", "make test", 'pip install -c requirements.lock -e ".[lab]"'])
def test_its_first_steps_are_those_of_the_readme(command):
    assert command in STEPS and command in README


def test_its_commands_are_there():
    names = {one.__name__ for one in COMMANDS}
    asked = [shlex.split(step)[3] for step in STEPS if step.startswith("python -m helpers ")]
    assert len(asked) == 6 and set(asked) <= names
    assert all(f"python -m helpers {name}" in README for name in asked if name != "check")
