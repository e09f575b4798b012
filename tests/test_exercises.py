"""Every exercise three ways: the stub is not written yet, the solution passes, known wrong answers get their hint."""

import importlib
import importlib.util
from pathlib import Path

import pytest

from tools import handouts
from tools.ledger import read_notebooks

HERE = Path(__file__).parent


def known_wrong(number: str) -> dict[str, list[tuple[str, str]]]:
    spec = importlib.util.spec_from_file_location(f"wrong_{number}", HERE / "exercises" / f"lesson_{number}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.WRONG


# (stub, solution) by (number of the lesson, name of the exercise)
FOUND = {
    (name[:2], one.name): (one.stub, one.solution)
    for name, notebook in read_notebooks().items()
    for one in handouts.exercises(notebook)
}
WRONG = {number: known_wrong(number) for number in sorted({number for number, _ in FOUND})}
HINTED = [(*key, i) for key in FOUND for i in range(len(WRONG[key[0]].get(key[1], ())))]


def verdict(number: str, name: str, source: str):
    names: dict = {}
    exec(source, names)
    return getattr(importlib.import_module(f"helpers.exercises.lesson_{number}"), name).verdict(names[name])


@pytest.mark.parametrize("number, name", FOUND)
def test_the_stub_is_not_written_yet(number, name):
    found = verdict(number, name, FOUND[number, name][0])
    assert not found.passed and found.text.startswith("Not written yet")


@pytest.mark.parametrize("number, name", FOUND)
def test_the_solution_passes(number, name):
    found = verdict(number, name, FOUND[number, name][1])
    assert found.passed, found.text


@pytest.mark.parametrize("number, name, i", HINTED)
def test_a_known_wrong_answer_gets_its_hint(number, name, i):
    source, hint = WRONG[number][name][i]
    found = verdict(number, name, source)
    assert not found.passed and hint in found.text, found.text


def test_each_exercise_knows_two_misconceptions_and_none_is_left_over():
    few = [key for key in FOUND if len({hint for _, hint in WRONG[key[0]].get(key[1], ())}) < 2]
    lost = [(number, name) for number in WRONG for name in WRONG[number] if (number, name) not in FOUND]
    assert FOUND and not few and not lost
