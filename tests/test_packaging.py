"""What the package declares is what the requirements files say, and data/README.md names all that lies there."""

import re
import shutil
import subprocess
import sys
import zipfile
from collections import Counter

import pytest
from packaging.requirements import Requirement

from helpers import DATA, ROOT, requirements


@pytest.fixture
def declared(tmp_path):
    """(name, range, extra or "") of every dependency in the metadata of a wheel built from this tree."""
    for name in ("helpers", "requirements"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "LICENSE"):
        shutil.copy(ROOT / name, tmp_path)
    command = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", "out", "."]
    built = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert built.returncode == 0, built.stdout + built.stderr
    with zipfile.ZipFile(next((tmp_path / "out").glob("*.whl"))) as wheel:
        name = next(name for name in wheel.namelist() if name.endswith("METADATA"))
        lines = wheel.read(name).decode().splitlines()
    found = [Requirement(line.removeprefix("Requires-Dist: ")) for line in lines if line.startswith("Requires-Dist")]
    return Counter((one.name, str(one.specifier), str(one.marker or "")) for one in found)


def test_the_wheel_declares_what_the_requirements_files_say(declared):
    assert declared == Counter(
        (one.name, str(one.specifier), "" if one.group == "course" else f'extra == "{one.group}"')
        for one in requirements.tested()
    )


def test_data_readme_names_all_that_lies_there():
    named = re.findall(
        r"`([^`]+)`", "".join(re.findall(r"^\| (.+?) \|", (DATA / "README.md").read_text(), re.MULTILINE))
    )
    shipped = [str(path.relative_to(DATA)) for path in DATA.rglob("*") if path.is_file() and path.name != "README.md"]
    assert [
        path for path in shipped if not any(path == name or name[-1] == "/" and path.startswith(name) for name in named)
    ] == []
    assert [name for name in named if not (DATA / name).exists()] == []
