"""What people type after --model: names, hub ids, mirrors, directories, and configs that are wrong in some field."""

import json
import logging
import sys
import time
from dataclasses import replace
from types import SimpleNamespace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from test_memory import architecture as tiny
from test_memory_plans import run
from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForImageTextToText, GPT2Config

from helpers import DATA, models, profiles
from helpers.errors import InputError
from helpers.memory import Settings, architecture, build
from helpers.memory.plan import estimate
from helpers.quiet import listen

TYPED = {
    "qwen2.5-7b": [
        "Qwen/Qwen2.5-7B-Instruct", "qwen2.5-7b", "Qwen2.5-7B-Instruct", "qwen/qwen2.5-7b", "qwen2.5-7b-base",
        "unsloth/Qwen2.5-7B-Instruct-bnb-4bit", "https://huggingface.co/Qwen/Qwen2.5-Coder-7B", "qwen2.5-7b-chat",
        "deepseek-ai/DeepSeek-R1-Distill-Qwen-7B", " Qwen/Qwen2.5-7B ",
    ],
    "llama-3.1-8b": [
        "meta-llama/Meta-Llama-3.1-8B", "meta-llama/Llama-3.1-8B-Instruct", "NousResearch/Meta-Llama-3-8B",
        "unsloth/llama-3-8b-bnb-4bit", "LLM-Research/Meta-Llama-3.1-8B-Instruct", "deepseek-r1-distill-llama-8b",
    ],
    "mistral-7b": ["mistralai/Mistral-7B-v0.1", "mistralai/Mistral-7B-Instruct-v0.2", "mistral-7b",
                   "TheBloke/Mistral-7B-v0.1-AWQ"],
    "mistral-7b-v0.3": ["mistralai/Mistral-7B-v0.3", "unsloth/mistral-7b-instruct-v0.3-bnb-4bit"],
    "qwen3-14b": ["unsloth/Qwen3-14B-unsloth-bnb-4bit", "Qwen/Qwen3-14B-Base", "mlx-community/Qwen3-14B-4bit"],
    "llama-2-7b": ["TheBloke/Llama-2-7B-Chat-GPTQ", "meta-llama/Llama-2-7b-hf", "llama-2-7b-chat"],
    "phi-4": ["microsoft/phi-4", "microsoft/Phi-4-reasoning", "phi4", "microsoft/phi-4-gguf"],
    "gemma-3-4b": ["google/gemma-3-4b-it-qat-q4_0-gguf", "gemma3:4b", "unsloth/gemma-3-4b-it-unsloth-bnb-4bit"],
    "llama-3.2-3b": [
        "llama3.2:3b", "Llama 3.2 3B", "Llama-3.2-3B-Instruct-IQ3_M.gguf",
        "hf.co/bartowski/Llama-3.2-3B-Instruct-GGUF:Q5_K_S",
        "https://hf-mirror.com/meta-llama/Llama-3.2-3B/tree/main", "meta-llama/Llama-3.2-3B@refs-pr-3",
        "RedHatAI/Llama-3.2-3B-Instruct-quantized.w8a8", "nvidia/Llama-3.2-3B-Instruct-NVFP4",
    ],
    "qwen3-8b": [
        "Qwen/Qwen3-8B-MLX-4bit", "qwen_3_8b", "https://www.modelscope.cn/models/Qwen/Qwen3-8B/files",
        "Qwen3-8B-Q4_K_M-00001-of-00002.gguf", "Qwen/Qwen3-8B-GPTQ-Int4",
    ],
    "deepseek-r1-distill-qwen-1.5b": ["deepseek-ai/DeepSeek-R1-Distill-Qwen-1.5B"],
}  # fmt: skip
NOT_THE_SAME = [
    "codellama/CodeLlama-7b-hf",  # 16 tokens more
    "mistral-7b-instruct",  # v0.1 or v0.3: two vocabularies
    "Qwen/Qwen2.5-VL-7B-Instruct",
    "Qwen/Qwen3-Embedding-8B",
    "somebody/Qwen2.5-7B-tuned",
    "somebody/Qwen2.5-7B",  # might have added tokens
    "unsloth/phi-4",  # rebuilt as a Llama: other layers to adapt
    "unsloth/phi-4-unsloth-bnb-4bit",
    "llama-7b",
    "qwen3:9b",
    "mistral",
    "./Qwen3-8B",  # a directory that is not there
    "qwen",
    "",
]


@pytest.mark.parametrize(("typed", "name"), [(one, name) for name, all_ in TYPED.items() for one in all_])
def test_what_people_type_is_the_shipped_architecture(typed, name):
    assert architecture.shipped(typed) == name


@pytest.mark.parametrize("typed", NOT_THE_SAME)
def test_what_is_not_the_same_is_not_taken_for_it(typed):
    assert architecture.shipped(typed) is None


def test_each_hub_id_names_one_file():
    named = [one.rpartition("/")[2].lower() for ids in architecture.names()["names"].values() for one in set(ids)]
    twice = {one for one in named if named.count(one) > 1} - {"glm-4-9b-0414", "gpt2"}  # an owner's old and new name
    assert not twice and set(architecture.names()["names"]) == {
        path.stem for path in architecture.CONFIGS.glob("*.json")
    }


@pytest.mark.parametrize("typed", [one for ids in architecture.names()["names"].values() for one in ids])
def test_each_hub_id_is_found_however_it_is_written(typed):
    name = architecture.shipped(typed)
    assert name and typed in architecture.names()["names"][name]
    assert architecture.shipped(typed.lower()) == architecture.shipped(typed.rpartition("/")[2].upper()) == name


def test_a_shipped_name_needs_no_network(monkeypatch):
    monkeypatch.setattr(architecture, "_from_hub", lambda model: pytest.fail(f"asked the hub for {model}"))
    assert architecture.load_config("Qwen/Qwen2.5-7B-Instruct").vocab_size == 152_064
    assert architecture.remarks("Qwen/Qwen2.5-7B-Instruct") == ["architecture: qwen2.5-7b, as data/configs has it"]


def test_a_directory_of_that_name_comes_first(tmp_path, monkeypatch):
    tiny().save_pretrained(tmp_path / "Qwen" / "Qwen2.5-7B-Instruct")
    monkeypatch.chdir(tmp_path)
    assert architecture.load_config("Qwen/Qwen2.5-7B-Instruct").hidden_size == tiny().hidden_size


@pytest.mark.parametrize("command", [["estimate"], ["fit", "--gpu-gb", "24"]])
def test_without_a_network_one_line_names_what_is_near(command, monkeypatch):
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setattr("huggingface_hub.hf_hub_download", lambda *_, **__: pytest.fail("tried all the same"))
    start = time.monotonic()
    code, _, message = run(*command, "--model", "somebody/Qwen2.5-7B-tuned")
    assert code == 2 and time.monotonic() - start < 30, "the client's own retries take longer"
    assert "\n" not in message and "does not answer" in message and "qwen2.5-7b" in message


def test_a_name_like_no_other_says_where_the_names_are():
    assert "data/configs/README.md" in architecture.nearest("zzzz/0000")


def test_a_hub_that_hangs_is_left_alone(monkeypatch):
    monkeypatch.setattr("httpx.head", lambda *_, **__: time.sleep(10) or SimpleNamespace(status_code=200))
    start = time.monotonic()
    assert not architecture._hub_answers() and time.monotonic() - start < 9


def test_what_the_hub_says_is_one_line(monkeypatch):
    def refuse(*_, **__):
        raise OSError("401 Client Error\n\nCannot access gated repo\nand more")

    monkeypatch.setattr(architecture, "_hub_answers", lambda: True)
    monkeypatch.setattr("huggingface_hub.hf_hub_download", refuse)
    with pytest.raises(
        InputError, match=r"^no config of somebody/Qwen3-9B: 401 Client Error; nearest shipped: [^\n]*$"
    ):
        architecture.load_config("somebody/Qwen3-9B")


def test_the_text_part_is_read_and_what_is_beside_it_said(tmp_path):
    whole = json.loads((DATA / "configs" / "gemma-3-4b.json").read_text())
    whole["text_config"] |= dict(hidden_size=64, intermediate_size=96, num_hidden_layers=2, vocab_size=500)
    whole["text_config"] |= dict(num_attention_heads=4, num_key_value_heads=2, head_dim=16)
    whole["vision_config"] |= dict(hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=2)
    (tmp_path / "config.json").write_text(json.dumps(whole))
    config = architecture.load_config(str(tmp_path))
    assert config.num_hidden_layers == 2 and config.hidden_size == 64
    import torch

    with torch.device("meta"):
        both = AutoModelForImageTextToText.from_config(AutoConfig.from_pretrained(tmp_path)).num_parameters()
        text = AutoModelForCausalLM.from_config(config).num_parameters()
    assert estimate(Settings(str(tmp_path), "full")).total_parameters == text < both
    assert architecture.remarks(str(tmp_path))[0].startswith(f"text part only: {both - text:,} parameters")


@pytest.mark.parametrize("kind", sorted(architecture.TEXT_ALONE))
def test_text_parts_without_a_class_of_their_own_have_the_parameters_of_their_kin(kind, tmp_path):
    import torch

    whole = AutoConfig.for_model(kind.removesuffix("_text"))
    whole.save_pretrained(tmp_path)
    with torch.device("meta"):
        model = AutoModelForImageTextToText.from_config(whole)
        alone = AutoModelForCausalLM.from_config(architecture.load_config(str(tmp_path)))
    assert alone.model.num_parameters() == model.model.language_model.num_parameters()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"model_type": "qwen2", "hidden_size": 64', ":1: no JSON"),
        ("", "no JSON"),
        ("[1]", "an object"),
        ("{}", "no model_type"),
        ('{"model_type": 3}', "no model_type"),
        ('{"model_type": "nonsense"}', "nonsense"),
        ('{"model_type": "vit"}', "not a causal"),
        ('{"model_type": "qwen2", "hidden_size": "64"}', "hidden_size"),
        ('{"model_type": "qwen2", "num_hidden_layers": 1000000000}', "num_hidden_layers is 1000000000"),
        ('{"model_type": "qwen2", "num_attention_heads": 0}', "describes no model"),
        ('{"model_type": "gemma3", "text_config": {"hidden_size": "big"}}', "hidden_size"),
        ('{"model_type": "gemma3", "text_config": [1]}', "describes no model"),
        ('{"model_type": "clip"}', "not a causal"),
        ('{"model_type": "qwen2", "vocab_size": -5, "hidden_size": 64}', "describes no model"),
        ('{"model_type": "qwen2", "hidden_act": "swish9"}', "swish9"),
        (b"\xff\xfe\x00", "cannot be read"),
    ],
)
def test_a_config_that_is_wrong_is_one_line(text, words, tmp_path, capfd):
    (tmp_path / "config.json").write_bytes(text if isinstance(text, bytes) else text.encode())
    code, _, message = run("estimate", "--model", tmp_path)
    assert code == 2 and words in message and str(tmp_path) in message and len(message.splitlines()) <= 2
    assert "[transformers]" not in capfd.readouterr().err


WHOLE = tiny(4).to_dict() | {"vocab_size": 300, "hidden_size": 32, "intermediate_size": 48}
VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(-3, 3), st.integers(-(2**70), 2**70), st.floats(), st.text(max_size=5),
    st.lists(st.integers(-2, 70), max_size=3), st.dictionaries(st.text(max_size=3), st.integers(), max_size=2),
    st.sampled_from(["relu", "full_attention", "llama3", "float16", 64, 100, 7]),
)  # fmt: skip


@pytest.mark.slow
@given(
    st.dictionaries(st.sampled_from(sorted(WHOLE)), VALUES, min_size=1, max_size=2), st.sampled_from(["full", "qlora"])
)
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
def test_any_config_is_a_plan_or_an_input_error(tmp_path_factory, changed, method):
    path = tmp_path_factory.mktemp("fuzz") / "config.json"
    path.write_text(json.dumps(WHOLE | changed))
    try:
        assert estimate(Settings(str(path), method, length=8)).peak > 0
    except InputError as error:
        assert len(str(error).splitlines()) <= 2


def test_no_library_speaks_up_in_an_answer(recwarn, capfd):
    assert run("estimate", "--model", "qwen3-30b-a3b", "--length", "16")[0] == 0
    warned = [str(one.message) for one in recwarn if "deprecated" not in str(one.message)]  # those the command silences
    assert not warned and "pattern" not in capfd.readouterr().err


def test_a_class_that_does_not_name_its_loss_says_nothing_of_it(tmp_path):
    """transformers logs a line about `loss_type=None` for GPT2LMHeadModel, once a process."""
    small = GPT2Config(vocab_size=16, n_embd=8, n_layer=1, n_head=1, n_positions=16)
    AutoModelForCausalLM.from_config(small).save_pretrained(tmp_path)
    logging.Logger.warning_once.cache_clear()
    ours = build.base_model(small, Settings(str(tmp_path)))
    loaded = models.load_base(replace(profiles.select("tiny"), model=str(tmp_path)), quantize=False)
    assert listen(lambda: ours.loss_function and loaded.loss_function) == []


def test_lines_of_an_answer_fit_a_terminal():
    _, output, _ = run("estimate", "--model", "Qwen/Qwen3-0.6B", "--length", "16")
    assert max(map(len, output.splitlines())) <= 100
    _, output, _ = run("fit", "--model", "unsloth/Qwen3-0.6B-unsloth-bnb-4bit", "--gpu-gb", "4", "--length", "64")
    assert max(map(len, output.splitlines())) <= 100


def test_fit_prints_a_command_that_says_the_same(monkeypatch):
    _, output, _ = run("fit", "--model", "qwen3-0.6b", "--gpu-gb", "6", "--length", "300")
    command = output.partition("GB:\n")[2].replace("\\\n", "").split()
    monkeypatch.setattr(sys, "argv", command)
    code, text, _ = run(*command[3:], "--json")
    assert code == 0 and json.loads(text)["peak"] <= 6e9
