"""The layout of helpers/: files are shared, folders are instruments, nothing imports tools/, and there is no circle."""

from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import grimp
import pytest

from helpers import ROOT

# What may use an instrument: the command line and its start, pictures with sliders, the shown errors, the whole course.
FRONTS = {"__main__", "cli", "course", "reproduce", "widgets"}


def import_graph(package: str) -> dict[str, set[str]]:
    """Module to the modules that it imports, in functions too; of other packages only the name."""
    graph = grimp.build_graph(package, include_external_packages=True, cache_dir=None)
    return {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}


def structure(imports: dict[str, set[str]], package: str) -> list[str]:
    """What breaks the rule of the layout, one line each; empty when nothing does."""
    own = {module: module.removeprefix(f"{package}.").split(".")[0] for module in imports if module.startswith(package)}
    folders = {own[module] for module in own if module.count(".") > 1}
    wrong = [f"{module} imports tools" for module in own if "tools" in imports[module]]
    for module, part in own.items():
        used = {own[other] for other in imports[module] if other in own} & folders - {part}
        if used and part not in FRONTS:
            wrong.append(f"{module} imports the instrument {', '.join(sorted(used))}")
    try:
        TopologicalSorter({module: imports[module] for module in own}).prepare()
    except CycleError as error:
        wrong.append("a circle: " + " <- ".join(error.args[1]))
    return wrong


def test_helpers_keeps_the_rule():
    imports = import_graph("helpers")
    assert len([module for module in imports if module.startswith("helpers")]) == len(
        list((ROOT / "helpers").rglob("*.py"))
    )
    assert not structure(imports, "helpers")


HOUSE = {
    "__init__": "",
    "shared": "import json",
    "cli": "def main():\n    from house.clean.read import rows\n    from house.doctor import card",
    "clean/__init__": "from house.clean.read import rows",
    "clean/read": "from house.shared import json as rows",
    "doctor/__init__": "",
    "doctor/card": "from house import shared\nfrom house.doctor import text",
    "doctor/text": "",
}
SPOILED = {
    "tools in a module": {"shared": "from tools import ledger"},
    "tools in a function": {"clean/read": "def rows():\n    import tools.bench.card"},
    "an instrument in a shared file": {"other": "from house.clean import rows"},
    "an instrument in a function of a shared file": {"other": "def f():\n    from house import clean"},
    "an instrument in another": {"doctor/card": "import house.clean.read"},
    "a circle of modules": {"doctor/text": "from house.doctor import card"},
    "a circle through a function": {"doctor/text": "def f():\n    from house.doctor.card import shared"},
}


@pytest.fixture
def house(tmp_path, monkeypatch):
    """Write a package `house` of the given modules, and return what is wrong with it."""
    monkeypatch.syspath_prepend(tmp_path)

    def write(modules: dict[str, str]) -> list[str]:
        for name, source in modules.items():
            path: Path = tmp_path / "house" / f"{name}.py"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(source, encoding="utf-8")
        return structure(import_graph("house"), "house")

    return write


def test_a_good_house_passes(house):
    assert house(HOUSE) == []


@pytest.mark.parametrize("name", SPOILED)
def test_structure_catches(name, house):
    assert len(house({**HOUSE, **SPOILED[name]})) == 1
