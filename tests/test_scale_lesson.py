"""The scripts and launch files of notebook 24: the check at a run's start, checkpoints, what accelerate accepts.

The notebook itself holds that two processes equal one. Here one of them gets another seed, and that must be seen.
"""

import os
import shlex
import subprocess
import sys

import pytest
import torch
from safetensors.torch import load_file

from helpers import DATA, NOTEBOOKS
from helpers.chats import read_chat, to_dataset
from helpers.serving import free_port

SCRIPTS = NOTEBOOKS / "scripts"
BASE = str(DATA / "base")


@pytest.fixture
def scripts(monkeypatch):
    monkeypatch.syspath_prepend(SCRIPTS)


def accelerate_accepts(*options: str):
    """The arguments that `accelerate launch` goes on with, after its own checks."""
    from accelerate.commands.launch import _validate_launch_command, launch_command_parser

    args, _, _ = _validate_launch_command(launch_command_parser().parse_args([*options, "train.py"]))
    return args


def test_a_run_of_fewer_processes_or_rows_is_refused(scripts):
    from run_check import check_run

    model = torch.nn.Linear(8, 8)
    assert check_run(model, 8, processes=1, rows=8) == "1 process, 8 rows a step, 100% of the weights here"
    for processes, rows in ((2, 8), (2, 16), (1, 16)):
        with pytest.raises(RuntimeError, match="1 process, 8 rows a step"):
            check_run(model, 8, processes=processes, rows=rows)


def test_whole_weights_where_a_part_was_asked_for_are_refused(scripts, monkeypatch):
    import run_check

    monkeypatch.setattr(run_check.dist, "is_initialized", lambda: True)
    monkeypatch.setattr(run_check.dist, "get_world_size", lambda: 2)
    model = torch.nn.Linear(8, 8)
    with pytest.raises(RuntimeError, match="100% of the weights"):
        run_check.check_run(model, 4, processes=2, rows=8, sharded=True)
    for weight in model.parameters():  # as ZeRO-3 leaves them
        weight.ds_numel, weight.ds_tensor = weight.numel(), weight.detach().flatten()[: weight.numel() // 2]
    assert "50% of the weights" in run_check.check_run(model, 4, processes=2, rows=8, sharded=True)


@pytest.mark.slow
def test_a_run_goes_on_from_the_newest_checkpoint_that_all_ranks_have_written(scripts, tmp_path):
    from train import newest

    assert newest(tmp_path) is None
    for step in (4, 8, 12, 16):
        (tmp_path / f"checkpoint-{step}").mkdir()
        if step < 16:
            (tmp_path / f"checkpoint-{step}" / "complete").touch()
    assert newest(tmp_path).name == "checkpoint-12"


def test_accelerate_takes_the_launch_files(tmp_path):
    one = accelerate_accepts("--config_file", str(SCRIPTS / "eight_gpus.yaml"))
    two = accelerate_accepts("--config_file", str(SCRIPTS / "two_machines.yaml"), "--machine_rank", "1")
    assert (one.num_processes, two.num_processes, two.num_machines) == (8, 16, 2)
    assert (two.machine_rank, two.main_process_ip, two.main_process_port) == (1, "10.0.0.1", 29500)
    for args in (one, two):
        assert args.use_fsdp and int(args.fsdp_version) == 2 and args.mixed_precision == "bf16"
        assert args.fsdp_state_dict_type == "FULL_STATE_DICT"  # under another the Trainer's save_model writes nothing
    spoiled = tmp_path / "spoiled.yaml"
    spoiled.write_text((SCRIPTS / "eight_gpus.yaml").read_text().replace("num_processes", "processes"))
    with pytest.raises(ValueError, match="processes"):
        accelerate_accepts("--config_file", str(spoiled))


@pytest.mark.skipif(os.name == "nt", reason="a script of bash")
@pytest.mark.parametrize("node", ["0", "1"])
def test_slurm_starts_one_launcher_on_each_machine(node, tmp_path, monkeypatch):
    for name, does in {
        "scontrol": "printf 'first\\nsecond\\n'",
        "srun": 'exec "$@"',
        "accelerate": f"printf '%s\\n' \"$@\" > {shlex.quote(str(tmp_path / 'said'))}",
    }.items():
        (tmp_path / name).write_text(f"#!/bin/bash\n{does}\n")
        (tmp_path / name).chmod(0o755)
    known = {
        "PATH": f"{tmp_path}:{os.environ['PATH']}",
        "SLURM_JOB_NODELIST": "node[1-2]",
        "SLURM_NODEID": node,
        "SLURM_CPUS_PER_TASK": "64",
    }
    script = ["bash", SCRIPTS / "slurm.sh", "rows.jsonl", "out", "--model", "some/model"]
    subprocess.run(script, env=os.environ | known, check=True)
    said = (tmp_path / "said").read_text().splitlines()
    assert said[0] == "launch" and said[said.index("train.py") + 1 :][:4] == [
        "rows.jsonl",
        "out",
        "--model",
        "some/model",
    ]
    monkeypatch.chdir(SCRIPTS)
    args = accelerate_accepts(*said[1 : said.index("train.py")])
    assert (args.machine_rank, args.main_process_ip, args.num_processes) == (int(node), "first", 16)


@pytest.mark.slow
def test_a_run_that_saves_no_adapter_says_so(scripts, tmp_path, monkeypatch):
    """What the Trainer does under FSDP with a sharded state dict: nothing."""
    import train

    rows = tmp_path / "rows.jsonl"
    to_dataset(read_chat(DATA / "tickets" / "clean.jsonl")[:8]).to_json(rows)
    save = train.SFTTrainer.save_model

    def in_checkpoints_alone(trainer, *folder, _internal_call=False):
        if _internal_call:
            save(trainer, *folder, _internal_call=True)

    monkeypatch.setattr(train.SFTTrainer, "save_model", in_checkpoints_alone)
    with pytest.raises(RuntimeError, match="no adapter was saved"):
        train.main([str(rows), str(tmp_path / "out"), "--model", BASE, "--steps", "1", "--save-steps", "9"])


@pytest.mark.slow
def test_a_rank_with_another_seed_is_another_run(scripts, tmp_path):
    import train

    rows = tmp_path / "rows.jsonl"
    to_dataset(read_chat(DATA / "tickets" / "clean.jsonl")[:32]).to_json(rows)
    common = [str(rows), "--model", BASE, "--steps", "2", "--save-steps", "9"]
    train.main([*common, "--accumulation", "2", *["--batch", "2"], str(tmp_path / "one")])
    known = {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free_port()), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, SCRIPTS / "train.py", *common, "--batch", "2", "--processes", "2", str(tmp_path / "two")]
    ranks = [
        subprocess.Popen([*command, "--seed", rank], env=os.environ | known | {"RANK": rank, "LOCAL_RANK": rank})
        for rank in ("0", "1")
    ]
    assert [one.wait(timeout=300) for one in ranks] == [0, 0]
    one, two = (load_file(tmp_path / name / "adapter_model.safetensors") for name in ("one", "two"))
    assert max((one[name] - two[name]).abs().max().item() for name in one) > 1e-4
