"""The setup cell's work: it installs only what is needed, never torch, and says what it found."""

import logging
import re
import warnings
from pathlib import Path

import pytest

from helpers import NOTEBOOKS, quiet, requirements
from helpers import notebook as setup_cell

COLAB = {
    "torch": "2.11.0+cu128",
    "torchvision": "0.26.0+cu128",
    "transformers": "5.15.0",
    "peft": "0.20.0",
    "datasets": "4.0.0",
    "torchao": "0.10.0",
    "ipywidgets": "7.7.1",
}


@pytest.fixture
def pip(monkeypatch):
    """A pretended machine: pip calls are recorded, and carried out on the dictionary of what is installed."""
    here, calls = dict(COLAB), []

    def run(*arguments):
        constraints = Path(arguments[2]).read_text() if arguments[0] == "install" else ""
        calls.append((arguments, constraints))
        here.update(dict(argument.split("==") for argument in arguments if "==" in argument))
        if arguments[0] == "uninstall":
            here.pop(arguments[-1])

    monkeypatch.setattr(setup_cell, "_pip", run)
    monkeypatch.setattr(requirements, "installed", lambda: dict(here))
    monkeypatch.setattr(setup_cell, "_loaded", lambda: set())
    return here, calls


def test_on_colab_it_installs_the_tested_versions_and_leaves_torch(pip, capsys):
    here, calls = pip
    setup_cell.install_missing()
    (install, constraints), (uninstall, _) = calls
    lock = requirements.locked()
    assert {"trl", "bitsandbytes", "transformers", "peft", "datasets"} <= set(here)
    assert all(here[name] == lock[name] for name in ("trl", "transformers", "peft", "datasets", "bitsandbytes"))
    assert not any(argument.startswith("torch") for argument in install[3:])
    assert constraints.splitlines() == ["torch==2.11.0+cu128", "torchvision==0.26.0+cu128"]
    assert here["ipywidgets"] == "7.7.1" and not {"jupyterlab", "pytest", "faker"} & set(here)
    assert uninstall == ("uninstall", "-y", "torchao")
    printed = capsys.readouterr().out
    assert "torch stays 2.11.0+cu128" in printed and "Removing torchao 0.10.0" in printed and "RESTART" not in printed


def test_a_second_run_does_nothing(pip, capsys):
    setup_cell.install_missing()
    calls = list(pip[1])
    capsys.readouterr()
    setup_cell.install_missing()
    assert pip[1] == calls
    assert capsys.readouterr().out == ""


def test_it_asks_for_a_restart_only_for_what_was_loaded_and_changed(pip, monkeypatch, capsys):
    monkeypatch.setattr(setup_cell, "_loaded", lambda: {"torch", "datasets", "trl"})
    setup_cell.install_missing()
    (line,) = [line for line in capsys.readouterr().out.splitlines() if "RESTART" in line]
    assert line.endswith("older versions of datasets.")


def test_without_torch_it_installs_nothing(pip, capsys):
    del pip[0]["torch"]
    setup_cell.install_missing()
    assert pip[1] == []
    assert "pip install torch==" in capsys.readouterr().out


def test_pips_failure_is_one_line():
    with pytest.raises(RuntimeError, match="pip nonsense failed .*nonsense"):
        setup_cell._pip("nonsense")


def test_an_installed_or_cloned_course_installs_nothing(monkeypatch, tmp_path):
    assert not setup_cell.is_fetched()
    monkeypatch.setattr(requirements, "installed", lambda: {})
    monkeypatch.chdir(NOTEBOOKS)
    assert not setup_cell.is_fetched()
    monkeypatch.chdir(tmp_path)
    assert setup_cell.is_fetched()


def test_setup_prints_profile_and_versions_and_no_path(monkeypatch, capsys):
    monkeypatch.setenv("COURSE_PROFILE", "tiny")
    setup_cell.setup()
    first, second, third = capsys.readouterr().out.splitlines()
    assert first.startswith("Profile tiny: asked for by COURSE_PROFILE")
    assert re.match(r"Python 3\.\d+, torch 2\.\d+\.\d+, transformers 5", second)
    assert re.match(r"bitsandbytes 0\.\d+", third) and "/" not in first + second + third


def test_setup_names_what_to_fix_first(monkeypatch, capsys):
    monkeypatch.setattr(
        requirements, "installed", lambda: {**requirements.locked(), "trl": "0.9.2", "lora-course": "1"}
    )
    setup_cell.setup()
    assert capsys.readouterr().out.splitlines()[-1] == (
        "Fix first: trl is 0.9.2, wanted >=1.16,<1.17: pip install trl==1.16.0"
    )


def test_only_the_named_warning_is_silenced(caplog):
    quiet.hush_loggers()
    quiet.hush_loggers()
    logger = logging.getLogger("bitsandbytes.backends.cpu.ops")
    assert logger.filters.count(quiet._wanted) == 1
    logger.warning("Failed to load CPU gemm_4bit_forward from kernels-community: %s", "No module named 'kernels'")
    logger.warning("something else")
    assert [record.message for record in caplog.records] == ["something else"]


def test_listen_keeps_what_the_libraries_say(capsys):
    def action():
        warnings.warn("look here", stacklevel=1)
        warnings.warn("of no concern to a learner", DeprecationWarning, stacklevel=1)
        logging.getLogger("transformers.generation").warning("and %s", "here")
        raise ValueError("stopped")

    before = list(logging.getLogger("transformers").handlers)
    assert quiet.listen(action) == ["look here", "and here", "ValueError: stopped"]
    assert quiet.listen(lambda: None) == []
    assert logging.getLogger("transformers").handlers == before
    assert capsys.readouterr().err == ""
