"""Causes that no notebook raises, each raised here by the library where this machine can, named, repaired and proved.

What takes a GPU, vLLM, llama.cpp, unsloth, wandb or ModelScope is raised nowhere; its file in data/catalogue says so.
"""

import importlib
import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
from argparse import Namespace
from pathlib import Path

import pytest

from helpers import DATA, ROOT, doctor

BASE = DATA / "base"
RAISED_NOWHERE = """gguf_of_quantized_weights max_lora_rank modelscope_id no_kernel_image response_marker_missing
wandb_without_key""".split()
FULL = Path("/dev/full")


def run(folder: Path, script: str, **variables: str) -> subprocess.CompletedProcess:
    """The script in a process of its own, in `folder`."""
    (folder / "train.py").write_text(script, encoding="utf-8")
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", **variables}
    command = [sys.executable, "train.py"]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=300)


def named(ended: subprocess.CompletedProcess) -> str | None:
    """The doctor's answer to a process that failed."""
    assert ended.returncode != 0, ended.stdout
    return doctor.diagnose(ended.stderr).case


def test_torchvision_of_another_torch(tmp_path, monkeypatch):
    """torchvision registers its operators when it is imported; where its library was not loaded, torch has none."""
    import torch

    if hasattr(torch.ops.torchvision, "nms"):
        pytest.skip("a torchvision that fits is loaded")
    package = tmp_path / "torchvision"
    package.mkdir()
    first_lines = 'import torch\n\n@torch.library.register_fake("torchvision::nms")\ndef nms(*inputs):\n    ...\n'
    (package / "__init__.py").write_text(first_lines)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(RuntimeError) as raised:
        importlib.import_module("torchvision")
    assert doctor.diagnose(raised.value).case == "torchvision_mismatch"
    shutil.rmtree(package)  # pip uninstall torchvision
    importlib.invalidate_caches()
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module("torchvision")


def save_config(path: Path) -> None:
    from transformers import AutoConfig

    AutoConfig.from_pretrained(BASE).to_json_file(path)


def save_tensors(path: Path) -> None:
    import torch

    torch.save({"weights": torch.zeros(1000)}, path)


@pytest.mark.skipif(not FULL.exists(), reason="no device that is always full, as Linux has")
@pytest.mark.parametrize("save", [save_config, save_tensors])
def test_a_full_disk(save, tmp_path):
    (tmp_path / "file").symlink_to(FULL)
    with pytest.raises((OSError, RuntimeError)) as raised:
        save(tmp_path / "file")
    assert doctor.diagnose(raised.value).case == "disk_full"
    save(tmp_path / "elsewhere")
    assert (tmp_path / "elsewhere").stat().st_size > 100


def test_a_full_disk_under_a_model(tmp_path):
    """safetensors reserves the file's size first, so it takes a disk that is really small."""
    from transformers import AutoModelForCausalLM

    small = tmp_path / "small"
    small.mkdir()
    mount = shutil.which("mount")
    options = ["-t", "tmpfs", "-o", "size=256k", "tmpfs", str(small)]
    if mount is None or subprocess.run([mount, *options], capture_output=True).returncode:
        pytest.skip("this process may not mount a small disk")
    try:
        model = AutoModelForCausalLM.from_pretrained(BASE)
        with pytest.raises(Exception) as raised:
            model.save_pretrained(small / "model")
        assert doctor.diagnose(raised.value).case == "disk_full"
        model.save_pretrained(tmp_path / "model")
        assert (tmp_path / "model" / "model.safetensors").exists()
    finally:
        subprocess.run(["umount", str(small)], check=True)


OWN = """
from transformers import Qwen2ForCausalLM


class OwnForCausalLM(Qwen2ForCausalLM):
    def forward(self, input_ids=None, past_key_values=None, **inputs):
        past_length = past_key_values.seen_tokens
        return super().forward(input_ids, past_key_values=past_key_values, **inputs)
"""


def test_a_model_with_code_of_its_own_from_another_year(tmp_path, monkeypatch):
    from transformers import AutoModelForCausalLM, AutoTokenizer, dynamic_module_utils

    monkeypatch.setattr(dynamic_module_utils, "HF_MODULES_CACHE", str(tmp_path / "modules"))
    monkeypatch.setattr(sys, "path", [*sys.path])
    shutil.copytree(BASE, tmp_path / "own_model")
    config = json.loads((BASE / "config.json").read_text())
    assert config["architectures"] == ["Qwen2ForCausalLM"]
    config["auto_map"] = {"AutoModelForCausalLM": "modeling_own.OwnForCausalLM"}
    (tmp_path / "own_model" / "config.json").write_text(json.dumps(config))
    (tmp_path / "own_model" / "modeling_own.py").write_text(OWN)
    prompt = AutoTokenizer.from_pretrained(BASE)("What is broken?", return_tensors="pt")

    def answer(**options):
        model = AutoModelForCausalLM.from_pretrained(tmp_path / "own_model", **options)
        return model.generate(**prompt, max_new_tokens=2, do_sample=False)

    with pytest.raises(AttributeError) as raised:
        answer(trust_remote_code=True)
    assert doctor.diagnose(raised.value).case == "cache_attribute_removed"
    assert answer(trust_remote_code=False).shape[1] > prompt.input_ids.shape[1]


def test_transformers_refuses_a_pickle_below_torch_2_6(tmp_path, monkeypatch):
    """Nothing but torch's version, as transformers sees it, is entered."""
    import torch
    from safetensors.torch import load_file, save_file
    from transformers import AutoModelForCausalLM
    from transformers.utils import import_utils

    shutil.copytree(BASE, tmp_path / "model")
    weights = load_file(tmp_path / "model" / "model.safetensors")
    (tmp_path / "model" / "model.safetensors").unlink()
    torch.save(weights, tmp_path / "model" / "pytorch_model.bin")
    with monkeypatch.context() as patch:
        patch.setattr(import_utils, "is_torch_greater_or_equal", lambda version, **options: version < "2.6")
        with pytest.raises(ValueError) as raised:
            AutoModelForCausalLM.from_pretrained(tmp_path / "model")
        assert doctor.diagnose(raised.value).case == "torch_load_refused"
        save_file(weights, tmp_path / "model" / "model.safetensors", {"format": "pt"})
        AutoModelForCausalLM.from_pretrained(tmp_path / "model")


@pytest.mark.slow
def test_resuming_from_a_random_state_that_is_refused(tmp_path):
    """The trainer's own file with one object more than torch.load takes, as those of older releases have."""
    import torch
    from datasets import Dataset
    from transformers import AutoModelForCausalLM, Trainer, TrainingArguments

    rows = Dataset.from_list([{"input_ids": [5, 6, 7], "labels": [5, 6, 7]}] * 4)

    def train(steps: int, **options) -> int:
        settings = dict(use_cpu=True, report_to="none", disable_tqdm=True, save_strategy="steps", save_steps=1)
        arguments = TrainingArguments(str(tmp_path / "run"), max_steps=steps, **settings)
        trainer = Trainer(AutoModelForCausalLM.from_pretrained(BASE), arguments, train_dataset=rows)
        return trainer.train(**options).global_step

    train(1)
    state = tmp_path / "run" / "checkpoint-1" / "rng_state.pth"
    torch.save({**torch.load(state, weights_only=False), "settings": Namespace(seed=1)}, state)
    with pytest.raises(Exception, match="Weights only load failed") as raised:
        train(2, resume_from_checkpoint=True)
    assert doctor.diagnose(raised.value).case == "checkpoint_not_resumable"
    state.unlink()
    assert train(2, resume_from_checkpoint=True) == 2


def test_lora_on_a_projection_that_mamba_reads_past_it():
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM, MambaConfig

    small = MambaConfig(vocab_size=64, hidden_size=16, num_hidden_layers=1, state_size=4)

    def adapt(*targets: str):
        return get_peft_model(AutoModelForCausalLM.from_config(small), LoraConfig(target_modules=list(targets)))

    with pytest.raises(ValueError) as raised:
        adapt("in_proj", "out_proj")
    assert doctor.diagnose(raised.value).case == "fused_experts"
    assert len(adapt("in_proj", "x_proj").targeted_module_names) == 2


@pytest.mark.parametrize("given", ["What is broken?", {"messages": [{"role": "user", "content": "What?"}]}])
def test_relatives_of_a_conversation_in_another_shape(given):
    from transformers import AutoTokenizer

    with pytest.raises(AttributeError) as raised:
        AutoTokenizer.from_pretrained(BASE).apply_chat_template(given)
    assert doctor.diagnose(raised.value).case == "conversation_of_wrong_shape"


def test_a_port_that_another_run_holds():
    from torch.distributed import TCPStore

    first = TCPStore("127.0.0.1", 0, 1, is_master=True)
    with pytest.raises(RuntimeError) as raised:
        TCPStore("127.0.0.1", first.port, 1, is_master=True)
    assert doctor.diagnose(raised.value).case == "port_in_use"
    assert TCPStore("127.0.0.1", 0, 1, is_master=True).port != first.port  # 0: any that is free


SHARED = """
import sys

import torch
from torch.utils.data import DataLoader

if __name__ == "__main__":
    batches = DataLoader(torch.ones(4, 200_000).unbind(), batch_size=2, num_workers=int(sys.argv[1]))
    print(sum(batch.shape[0] for batch in batches))
"""


@pytest.mark.slow
def test_shared_memory_that_is_too_small(tmp_path):
    """In a mount namespace of its own, as a container has it, with 64 kB of /dev/shm."""
    (tmp_path / "train.py").write_text(SHARED)
    small = "mount -t tmpfs -o size=64k tmpfs /dev/shm || exit 99; exec"

    def train(workers: int) -> subprocess.CompletedProcess:
        command = ["unshare", "-m", "sh", "-c", f"{small} {sys.executable} train.py {workers}"]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)

    if shutil.which("unshare") is None or (failed := train(1)).returncode == 99 or "unshare" in failed.stderr[:40]:
        pytest.skip("this process may not mount a /dev/shm of its own")
    assert named(failed) == "shared_memory_too_small"
    assert train(0).stdout.strip() == "4"


EXTENSION = """
#include <Python.h>
extern int _ZN3c106detail5checkEv(void);
static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "kernels", NULL, -1, NULL};
PyMODINIT_FUNC PyInit_kernels(void) { return _ZN3c106detail5checkEv() ? NULL : PyModule_Create(&module); }
"""
FITS = "int _ZN3c106detail5checkEv(void) { return 0; }\n"


def test_an_extension_that_was_built_for_another_torch(tmp_path):
    headers = sysconfig.get_path("include")
    if shutil.which("cc") is None or not Path(headers, "Python.h").exists():
        pytest.skip("no C compiler with Python's headers")

    def build(source: str) -> subprocess.CompletedProcess:
        (tmp_path / "kernels.c").write_text(source)
        command = ["cc", "-shared", "-fPIC", f"-I{headers}", "kernels.c", "-o", "kernels.so"]
        subprocess.run(command, cwd=tmp_path, check=True)
        return run(tmp_path, "import torch\nimport kernels\n")

    assert named(build(EXTENSION)) == "compiled_for_another_torch"
    assert build(FITS + EXTENSION).returncode == 0


def test_what_the_card_measures_tells_an_adapter_that_does_nothing():
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model = get_peft_model(AutoModelForCausalLM.from_pretrained(BASE), LoraConfig(task_type="CAUSAL_LM")).eval()
    batch = AutoTokenizer.from_pretrained(BASE)("What is broken?", return_tensors="pt")
    steps = next(case for case in doctor.load() if case.id == "adapter_without_effect").fix
    code = re.search(r"`(with .*)`", steps[0], re.DOTALL)[1]

    def gap() -> float:
        names = {"torch": torch, "model": model, "batch": batch}
        exec(code, names)
        return float(names["gap"])

    assert gap() == 0
    for name, weight in model.named_parameters():
        if "lora_B" in name:
            weight.data.fill_(0.1)
    assert gap() > 0


COMPILE = "import torch\nprint(torch.compile(lambda x: x.sin() + 1)(torch.ones(8)).shape)\n"


@pytest.mark.slow
def test_no_compiler(tmp_path):
    nowhere = {"PATH": str(tmp_path), "CC": "gcc", "CXX": "g++", "TORCHINDUCTOR_CACHE_DIR": str(tmp_path / "cache")}
    assert named(run(tmp_path, COMPILE, **nowhere)) == "no_c_compiler"
    assert run(tmp_path, COMPILE, **nowhere, TORCHDYNAMO_DISABLE="1").returncode == 0


WAIT = """
import os, time
from datetime import timedelta

import torch
from torch import distributed, multiprocessing


def work(rank):
    timeout = timedelta(seconds=int(os.environ["SECONDS_TO_WAIT"]))
    store = distributed.FileStore(f"store{timeout.seconds}", 2)
    distributed.init_process_group("gloo", store=store, rank=rank, world_size=2, timeout=timeout)
    if rank == 1:
        time.sleep(4)  # prepares its data
    distributed.all_reduce(torch.ones(1))
    distributed.destroy_process_group()


if __name__ == "__main__":
    multiprocessing.spawn(work, nprocs=2)
"""


@pytest.mark.slow
def test_a_process_that_waits_for_another(tmp_path):
    """gloo's words for what NCCL's watchdog says on GPUs."""
    assert named(run(tmp_path, WAIT, SECONDS_TO_WAIT="2")) == "collective_timeout"
    patient = run(tmp_path, WAIT, SECONDS_TO_WAIT="120")
    assert patient.returncode == 0, patient.stderr


UNGUARDED = """
import multiprocess  # what datasets starts workers with
from datasets import Dataset

multiprocess.set_start_method("spawn", force=True)  # as on Windows and macOS


def main():
    rows = Dataset.from_dict({"x": [1, 2, 3, 4]}).map(lambda row: {"y": 2 * row["x"]}, num_proc=2)
    print(rows["y"][:])


main()
"""


@pytest.mark.slow
def test_a_script_that_starts_itself_again(tmp_path):
    assert named(run(tmp_path, UNGUARDED)) == "missing_main_guard"
    guarded = run(tmp_path, UNGUARDED.replace("\nmain()\n", '\nif __name__ == "__main__":\n    main()\n'))
    assert guarded.returncode == 0 and "[2, 4, 6, 8]" in guarded.stdout, guarded.stderr


@pytest.mark.parametrize(
    ("words", "case"),
    [
        (
            "After fine-tuning, the model's answer never ends: it keeps generating until max_new_tokens",
            "never_stops_generating",
        ),
        ("微调之后模型的回答停不下来，一直重复到最大长度", "never_stops_generating"),
        ("My training does not stop when I press Ctrl+C", None),
        ("How many tokens should max_new_tokens be?", None),
        ("hf download is stuck at 0% with HF_ENDPOINT set", "xet_behind_a_mirror"),
        ("Where does wandb keep its files?", None),
        ("硬盘满了，保存checkpoint失败", "disk_full"),
        (
            "llama-server, two LoRA adapters chosen per request: the second request is answered in the other's style",
            "prompt_cache_of_another_adapter",
        ),
        ("llama.cpp里切换lora适配器以后，回答还是上一个适配器的", "prompt_cache_of_another_adapter"),
        ("Is the other adapter in my llama.cpp build a LoRA?", None),
    ],
)
def test_what_raises_nothing_is_known_by_its_description(words, case):
    assert doctor.diagnose(words).case == case


@pytest.mark.parametrize(
    "report",
    [
        "ERROR: failed to build: docker: write /var/lib: [Errno 28] No space left on device",
        'TypeError: can only concatenate str (not "list") to str',
        "AttributeError: 'list' object has no attribute 'keys'",
        "AttributeError: 'str' object has no attribute 'items'",
        "ValueError: input should be 1, 8, 16, 32, 64",
        "Error: listen EADDRINUSE: address already in use :::3000",
        "nginx: [emerg] bind() to 0.0.0.0:80 failed (98: Address already in use)",
        "./server: undefined symbol: SSL_CTX_set_options",
        "ValueError: numpy.dtype size changed, may indicate binary incompatibility. Expected 96 from C header, got 88",
        "Error: unsupported architecture: arm64",
        "ModuleNotFoundError: No module named 'triton.common'",
        "A matching Triton is not available, some optimizations will not be enabled.\nError caught was: "
        "No module named 'triton'",
        "AttributeError: 'Config' object has no attribute 'pad_token_id'",
    ],
)
def test_words_that_any_program_may_use_need_more_in_sight(report):
    assert doctor.diagnose(report).case is None


@pytest.mark.parametrize("case", RAISED_NOWHERE)
def test_what_cannot_be_raised_here_is_known_from_public_reports(case):
    lines = (DATA / "reports" / "written.jsonl").read_text(encoding="utf-8").splitlines()
    reports = [report for report in map(json.loads, lines) if report["case"] == case]
    assert reports and {doctor.diagnose(report["text"]).case for report in reports} == {case}


def test_every_case_names_a_report_that_it_was_written_from():
    lines = (DATA / "reports" / "written.jsonl").read_text(encoding="utf-8").splitlines()
    reports = [report for report in map(json.loads, lines) if report["case"]]
    right = {report["case"] for report in reports if doctor.diagnose(report["text"]).case == report["case"]}
    assert right == {report["case"] for report in reports}
