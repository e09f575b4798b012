"""The environment check, on faked machines and on this one."""

import importlib.metadata
import importlib.util
import json
from dataclasses import replace

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from helpers import ROOT, environment, profiles, requirements
from helpers import machine as machines
from helpers.environment import check, exit_code, table, to_json
from helpers.errors import InputError
from helpers.machine import Gpu, Machine

GOOD = Machine(
    python="3.12.4",
    packages=dict(requirements.locked()),
    memory_gib=15.5,
    free_memory_gib=9.0,
    free_disk_gib=120.0,
    bitsandbytes_backend="cpu",
)
T4 = replace(
    GOOD, gpus=(Gpu("Tesla T4", 14.7, (7, 5)),), driver="580.82.07", torch_cuda="13.0", bitsandbytes_backend="cuda"
)


@pytest.fixture(autouse=True)
def no_variable(monkeypatch):
    monkeypatch.delenv(profiles.VARIABLE, raising=False)


def row(machine: Machine, name: str):
    (found,) = (row for row in check(machine) if row.name == name)
    return found


def bad(machine: Machine) -> dict[str, str]:
    return {row.name: row.status for row in check(machine) if row.status != "ok"}


def without(packages: dict[str, str], *names: str) -> dict[str, str]:
    return {name: version for name, version in packages.items() if name not in names}


def test_no_gpu_is_a_machine_to_learn_on():
    assert bad(GOOD) == {}
    assert row(GOOD, "gpu").found == "none"
    assert row(GOOD, "profile").found == "tiny"


def test_t4_has_no_bf16():
    assert bad(T4) == {"bf16": "warn"}
    assert "float16" in row(T4, "bf16").fix
    assert row(T4, "profile").found == "gpu-1.5b"
    assert bad(replace(T4, gpus=(Gpu("NVIDIA L4", 22.2, (8, 9)),), memory_gib=60.0, free_memory_gib=50.0)) == {}


def test_old_transformers():
    machine = replace(GOOD, packages={**GOOD.packages, "transformers": "4.41.0"})
    assert bad(machine) == {"transformers": "fail"}
    assert row(machine, "transformers").fix == "pip install transformers==5.23.0"


def test_newer_than_tested_only_warns():
    machine = replace(GOOD, packages={**GOOD.packages, "transformers": "6.0.0"})
    assert bad(machine) == {"transformers": "warn"}
    assert "newer than tested" in row(machine, "transformers").fix


def test_missing_bitsandbytes_and_unloadable_bitsandbytes():
    missing = replace(GOOD, packages=without(GOOD.packages, "bitsandbytes"), bitsandbytes_backend=None)
    assert bad(missing) == {"bitsandbytes": "fail", "bitsandbytes library": "fail"}
    assert row(missing, "bitsandbytes").found == "missing"
    unloadable = replace(GOOD, bitsandbytes_backend=None, problems={"bitsandbytes": "OSError: no such file"})
    assert bad(unloadable) == {"bitsandbytes library": "fail"}
    assert row(unloadable, "bitsandbytes library").fix == "OSError: no such file"
    assert bad(replace(T4, bitsandbytes_backend="cpu")) == {"bf16": "warn", "bitsandbytes library": "fail"}


def test_torchao_too_old_for_peft():
    old = replace(GOOD, packages={**GOOD.packages, "torchao": "0.10.0"})
    assert bad(old) == {"torchao": "fail"}
    assert row(old, "torchao").fix.startswith("pip uninstall -y torchao")
    assert bad(replace(GOOD, packages={**GOOD.packages, "torchao": "0.16.0"})) == {}
    assert not environment.torchao_blocks_peft("0.10.0", "0.20.0")


def test_our_torchao_bound_is_the_one_peft_enforces(monkeypatch):
    peft_import_utils = pytest.importorskip("peft.import_utils")
    real = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *a: real("json") if name == "torchao" else real(name))
    ask = peft_import_utils.is_torchao_available.__wrapped__
    for version, refused in (("0.15.9", True), (str(environment.TORCHAO_MINIMUM), False)):
        monkeypatch.setattr(peft_import_utils.importlib_metadata, "version", lambda name, version=version: version)
        assert environment.torchao_blocks_peft(version, importlib.metadata.metadata("peft")["Version"]) is refused
        if refused:
            with pytest.raises(ImportError, match="torchao"):
                ask()
        else:
            assert ask()


def test_full_disk_and_little_memory():
    full = replace(GOOD, free_disk_gib=0.3)
    assert bad(full) == {"disk": "fail"}
    assert "free 1.7 GiB" in row(full, "disk").fix
    assert bad(replace(GOOD, free_memory_gib=0.5)) == {"memory": "warn"}
    assert bad(replace(GOOD, memory_gib=1.5, free_memory_gib=0.5)) == {"memory": "fail"}


def test_pythons():
    assert row(replace(GOOD, python="3.10.13"), "python").status == "fail"
    assert row(replace(GOOD, python="3.14.0"), "python").status == "warn"
    assert row(replace(GOOD, python="3.11.0"), "python").status == "ok"


def test_gpu_that_torch_cannot_use():
    cpu_build = replace(GOOD, driver="580.82.07")
    assert bad(cpu_build) == {"gpu": "warn"}
    assert "CUDA build" in row(cpu_build, "gpu").fix
    old_driver = replace(GOOD, driver="535.104.05", torch_cuda="13.0")
    assert bad(old_driver) == {"gpu": "warn", "driver": "fail"}
    assert row(old_driver, "driver").wanted == ">=580"
    assert bad(replace(GOOD, problems={"driver": "RuntimeError: NVIDIA-SMI has failed"})) == {"driver": "warn"}


def test_packages_for_other_jobs_only_warn():
    machine = replace(GOOD, packages=without(GOOD.packages, "jupyterlab", "nbval", "faker"))
    assert bad(machine) == {"jupyterlab": "warn", "nbval": "warn", "faker": "warn"}
    assert "only for make lab" in row(machine, "jupyterlab").fix


def test_nothing_at_all_is_reported_not_raised():
    wreck = Machine(python="3.11.2", problems={"torch": "ImportError: libc10.so"})
    rows = check(wreck)
    assert exit_code(rows) == 1
    assert row(wreck, "gpu").fix == "ImportError: libc10.so"
    assert all(r.fix for r in rows if r.status == "fail")


def test_a_nonsense_version_is_reported_not_raised():
    machine = replace(GOOD, packages={**GOOD.packages, "peft": "unknown", "torchao": "?"})
    assert bad(machine) == {"peft": "fail"}


def test_a_lost_requirements_file_is_reported_not_raised(monkeypatch):
    def lost():
        raise FileNotFoundError("requirements.txt")

    monkeypatch.setattr(requirements, "tested", lost)
    assert bad(GOOD) == {"requirements": "fail"}


def test_probing_survives_whatever_breaks(monkeypatch):
    def broken(*_):
        raise OSError("broken\non purpose")

    parts = ("installed", "torch_gpus", "_torch_cuda", "_driver", "_memory_gib", "_bitsandbytes_backend")
    for part in parts:
        monkeypatch.setattr(machines, part, broken)
    monkeypatch.setattr(machines.shutil, "disk_usage", broken)
    machine = machines.probe()
    assert set(machine.problems) == {"packages", "torch", "driver", "memory", "disk", "bitsandbytes"}
    assert machine.problems["disk"] == "OSError: broken on purpose"
    assert exit_code(check(machine)) == 1


def test_this_machine_has_the_tested_set():
    machine = machines.probe()
    failing = [r for r in check(machine, "tiny") if r.status == "fail" and r.name not in ("memory", "disk")]
    assert failing == []
    assert machine.problems == {}
    assert machine.packages["torch"].partition("+")[0] in SpecifierSet(">=2.11,<2.14")


def test_table_and_json_say_the_same():
    rows = check(T4)
    lines = table(rows).splitlines()
    assert len(lines) == len(rows) + 1
    for line, r in zip(lines[1:], rows, strict=True):
        assert line.startswith(r.status) and r.name in line and line.endswith(r.fix)
    answer = json.loads(to_json(rows, profiles.select(gpus=T4.gpus)))
    assert answer["ok"] is True
    assert answer["profile"]["dtype"] == "float16"
    assert [r["status"] for r in answer["checks"]] == [r.status for r in rows]
    assert json.loads(to_json(check(Machine("3.11.2")), profiles.select("tiny", [])))["ok"] is False


def test_the_last_column_folds_at_words_where_a_width_is_given():
    rows = check(replace(GOOD, packages={**GOOD.packages, "torchao": "0.10.0"}))
    fix = next(one.fix for one in rows if one.status == "fail")
    whole, folded = table(rows).splitlines(), table(rows, width=44).splitlines()
    assert any(line.endswith(fix) for line in whole)
    start = whole[0].index("fix or note")
    assert len(folded) > len(whole) and all(len(line) <= start + 44 for line in folded)
    assert fix in " ".join(line[start:] for line in folded)
    assert [line[:start] for line in folded if line[:start].strip()] == [line[:start] for line in whole]


def test_unknown_profile_is_the_callers_error():
    with pytest.raises(InputError, match="tiny"):
        check(GOOD, "huge")


def test_ranges_lock_and_this_installation_agree():
    locked, tested = requirements.locked(), requirements.tested()
    assert {one.group for one in tested} == {"course", *environment.NEEDED_FOR}
    assert len({one.name for one in tested}) == len(tested), "a package stands there twice"
    for one in tested:
        assert one.reason, f"{one.name} gives no reason"
        assert requirements.judge(one.specifier, locked.get(one.name)) == "ok", one.name
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    assert "://" not in lock and "+" not in lock and "-e " not in lock
    for name, version in locked.items():
        assert str(Requirement(f"{name}=={version}").specifier) == f"=={version}"


def test_metadata_without_a_name_is_skipped(tmp_path, monkeypatch):
    (tmp_path / "half_gone-1.0.dist-info").mkdir()
    (tmp_path / "whole-2.0.dist-info").mkdir()
    (tmp_path / "whole-2.0.dist-info" / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: Whole_Thing\nVersion: 2.0\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    assert requirements.installed()["whole-thing"] == "2.0"
