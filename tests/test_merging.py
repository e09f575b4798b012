"""Merging: the right path keeps the logits, wrong bases are refused, files appear whole or not at all."""

import math
import shutil
from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch
from safetensors.torch import load_file, save_file

from helpers import DATA, inference, merging, models, profiles, training
from helpers.chats import read_chat
from helpers.errors import InputError

ROWS = read_chat(DATA / "tickets" / "clean.jsonl")[:64]
PROMPTS = [row["messages"][:-1] for row in ROWS[:16]]
PROFILE = replace(profiles.select("tiny"), max_steps=6, batch_size=8)


@pytest.fixture(scope="module")
def adapter(tmp_path_factory):
    return training.fine_tune(PROFILE, ROWS, tmp_path_factory.mktemp("merging") / "adapter", disable_tqdm=True).adapter


@pytest.fixture(scope="module")
def tokenizer():
    return models.load_tokenizer(PROFILE.model)


@pytest.fixture(scope="module")
def adapter_model(adapter):
    return models.load_adapter(adapter, PROFILE)


def test_merged_into_the_dequantized_base_equals_the_adapter_model(adapter, adapter_model, tokenizer, tmp_path):
    out = merging.save_merged(merging.merge(adapter, PROFILE), tokenizer, tmp_path / "merged")
    reloaded = models.load_base(replace(PROFILE, model=str(out)), quantize=False).eval()
    assert merging.max_logit_difference(adapter_model, reloaded, tokenizer, PROMPTS) < 0.001
    base = models.load_base(PROFILE).eval()
    assert merging.max_logit_difference(base, reloaded, tokenizer, PROMPTS) > 1  # the adapter did something


def test_the_other_paths_are_further_off(adapter, adapter_model, tokenizer):
    full = merging.max_logit_difference(adapter_model, merging.merge(adapter, PROFILE, "full"), tokenizer, PROMPTS)
    with pytest.warns(UserWarning, match="rounding errors"):
        four = merging.merge(adapter, PROFILE, "4bit")
    assert full > 0.05
    assert merging.max_logit_difference(adapter_model, four, tokenizer, PROMPTS) > 0.05


def test_what_a_merged_model_needs_travels_along(adapter, tokenizer, tmp_path):
    from transformers import AutoModelForCausalLM, AutoTokenizer

    out = merging.save_merged(merging.merge(adapter, PROFILE), tokenizer, tmp_path / "merged")
    model, again = AutoModelForCausalLM.from_pretrained(out), AutoTokenizer.from_pretrained(out)
    assert again.chat_template == tokenizer.chat_template
    assert model.generation_config.eos_token_id == tokenizer.eos_token_id
    assert getattr(model.config, "quantization_config", None) is None
    assert not any("lora" in name for name, _ in model.named_parameters())


def test_a_base_that_was_merged_already_is_refused(adapter, tokenizer, tmp_path):
    out = merging.save_merged(merging.merge(adapter, PROFILE), tokenizer, tmp_path / "merged")
    with pytest.raises(InputError, match="trained on another base"):
        merging.merge(adapter, replace(PROFILE, model=str(out)))


def test_a_base_of_another_width_is_refused_without_a_record(adapter, tokenizer, tmp_path):
    from transformers import AutoConfig, AutoModelForCausalLM

    bare = tmp_path / "adapter"
    shutil.copytree(adapter, bare)
    (bare / models.IDENTITY).unlink()
    config = AutoConfig.from_pretrained(PROFILE.model)
    config.intermediate_size = 768
    AutoModelForCausalLM.from_config(config).save_pretrained(tmp_path / "base")
    with pytest.raises(InputError, match="other widths"):
        merging.merge(bare, replace(PROFILE, model=str(tmp_path / "base")), "full")


def test_an_adapter_with_nan_is_not_merged(adapter, tmp_path):
    broken = tmp_path / "adapter"
    shutil.copytree(adapter, broken)
    tensors = load_file(broken / "adapter_model.safetensors")
    next(iter(tensors.values()))[0, 0] = float("nan")
    save_file(tensors, broken / "adapter_model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ValueError, match="NaNs detected"):
        merging.merge(broken, PROFILE)


@pytest.mark.parametrize(("path", "message"), [("nope", "unknown merge path"), ("dequantized", "holds no adapter")])
def test_bad_input_is_named(path, message, tmp_path):
    with pytest.raises(InputError, match=message):
        merging.merge(tmp_path, PROFILE, path)


def test_a_failed_save_leaves_nothing(adapter, tokenizer, tmp_path, monkeypatch):
    merged = merging.merge(adapter, PROFILE)

    def full_disk(*args, **kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(tokenizer, "save_pretrained", full_disk)
    with pytest.raises(InputError, match="No space left"):
        merging.save_merged(merged, tokenizer, tmp_path / "merged")
    assert list(tmp_path.iterdir()) == []


def test_logits_that_are_nan_are_no_small_difference(tokenizer):
    base, broken = (models.load_base(PROFILE, quantize=False).eval() for _ in range(2))
    assert merging.max_logit_difference(base, broken, tokenizer, PROMPTS) == 0
    with torch.no_grad():
        broken.model.norm.weight[0] = float("nan")
    gap = merging.max_logit_difference(base, broken, tokenizer, PROMPTS, batch_size=8)
    assert math.isinf(gap)


def test_adapter_off_is_the_base(adapter_model, tokenizer):
    base = models.load_base(PROFILE).eval()
    ids = torch.tensor([tokenizer.apply_chat_template(PROMPTS[0], return_dict=False)])
    with torch.no_grad(), adapter_model.disable_adapter():
        assert torch.equal(adapter_model(input_ids=ids).logits, base(input_ids=ids).logits)


class Fixed:
    """A model of two tokens that gives the same logits at every position of a prompt, and others behind it."""

    device = torch.device("cpu")

    def __init__(self, starts: list[int], in_prompt: list[float], in_answer: list[float]):
        self.starts, self.in_prompt, self.in_answer = starts, torch.tensor(in_prompt), torch.tensor(in_answer)

    def __call__(self, input_ids, attention_mask):
        behind = torch.arange(input_ids.shape[1]) >= torch.tensor(self.starts)[:, None] - 1
        return SimpleNamespace(logits=torch.where(behind[..., None], self.in_answer, self.in_prompt))


def test_agreement_counts_the_answer_alone_and_in_nats(tokenizer):
    starts = [len(tokenizer.apply_chat_template(p, add_generation_prompt=True, return_dict=False)) for p in PROMPTS[:2]]
    one = Fixed(starts, [0.0, 0.0], [math.log(3), 0.0])  # p = (3/4, 1/4)
    two = Fixed(starts, [90.0, 0.0], [0.0, math.log(3)])  # q = (1/4, 3/4)
    answers = ["a", "a longer answer"]
    kl, top1 = merging.answer_agreement(one, two, tokenizer, PROMPTS[:2], answers)
    assert kl == pytest.approx(math.log(3) / 2) and top1 == 0  # 3/4 log 3 - 1/4 log 3
    assert merging.answer_agreement(one, one, tokenizer, PROMPTS[:2], answers) == (0, 1)
    other_prompt = Fixed(starts, [90.0, 0.0], [math.log(3), 0.0])
    assert merging.answer_agreement(one, other_prompt, tokenizer, PROMPTS[:2], answers) == (0, 1)
    broken = Fixed(starts, [0.0, 0.0], [math.nan, 0.0])
    assert math.isinf(merging.answer_agreement(one, broken, tokenizer, PROMPTS[:2], answers)[0])
    with pytest.raises(ValueError):
        merging.answer_agreement(one, two, tokenizer, PROMPTS[:2], answers[:1])


def test_agreement_of_real_models_does_not_depend_on_the_batch(adapter_model, tokenizer):
    base = models.load_base(PROFILE, quantize=False).eval()
    answers = inference.generate(adapter_model, tokenizer, PROMPTS[:6], max_new_tokens=24)
    assert merging.answer_agreement(adapter_model, adapter_model, tokenizer, PROMPTS[:6], answers) == (0, 1)
    together, alone = (
        merging.answer_agreement(adapter_model, base, tokenizer, PROMPTS[:6], answers, batch_size=size)
        for size in (6, 1)
    )
    assert together == pytest.approx(alone, rel=1e-3) and together[0] > 0.001
