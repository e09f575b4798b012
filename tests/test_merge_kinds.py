"""`verify` for every kind of adapter that PEFT merges: the right merge passes, each wrong one has its name."""

import copy
import json
import shutil
from dataclasses import replace

import peft
import pytest
import torch
from bases import make_base
from transformers import AutoModelForCausalLM

from helpers import merging, models, profiles
from helpers.doctor.merge import verify
from helpers.errors import InputError

PROMPTS = [[{"role": "user", "content": text}] for text in ("Which lamp is broken?", "Where is order 12?")]
TARGETS = ["q_proj", "up_proj"]


def lora(**options):
    return peft.LoraConfig(**{"r": 4, "lora_alpha": 8, "target_modules": TARGETS, **options})


KINDS = {
    "lora": lora(),
    "rslora": lora(use_rslora=True),
    "dora": lora(use_dora=True),
    "pissa": lora(init_lora_weights="pissa"),
    "olora": lora(init_lora_weights="olora"),
    "orthogonal": lora(init_lora_weights="orthogonal"),
    "bias-lora-only": lora(bias="lora_only"),
    "bias-all": lora(bias="all"),
    "lora-bias": lora(lora_bias=True),
    "modules-to-save": lora(modules_to_save=["o_proj", "lm_head"]),
    "patterns": lora(rank_pattern={"q_proj": 2}, alpha_pattern={"up_proj": 16}),
    "one-layer": lora(layers_to_transform=[1]),
    "tokens": lora(trainable_token_indices={"embed_tokens": [5, 6]}),
    "embedding": lora(target_modules=["embed_tokens", "q_proj"]),
    "parameters": lora(target_modules=["q_proj"], target_parameters=["mlp.up_proj.weight"]),
    "adalora": peft.AdaLoraConfig(init_r=4, target_r=2, lora_alpha=8, target_modules=TARGETS, total_step=10),
    "loha": peft.LoHaConfig(r=4, alpha=8, target_modules=TARGETS),
    "lokr": peft.LoKrConfig(r=4, alpha=8, target_modules=TARGETS),
    "oft": peft.OFTConfig(oft_block_size=8, target_modules=TARGETS),
    "boft": peft.BOFTConfig(boft_block_size=8, target_modules=TARGETS),
    "ia3": peft.IA3Config(target_modules=TARGETS, feedforward_modules=[]),
    "vera": peft.VeraConfig(r=4, target_modules=["q_proj"]),
    "hra": peft.HRAConfig(r=4, target_modules=TARGETS),
    "fourierft": peft.FourierFTConfig(n_frequency=50, target_modules=TARGETS),
    "miss": peft.MissConfig(r=4, target_modules=TARGETS),
}
ALPHA = ("lora_alpha", "alpha")


class World:
    """A base with biases, an adapter of one kind on it, and what is merged from them."""

    def __init__(self, folder, base: str, kind: str):
        self.folder, self.adapter = folder, folder / "adapter"
        self.profile = replace(profiles.select("tiny"), model=base, quantize=False)
        self.tokenizer = models.load_tokenizer(base)
        config = copy.deepcopy(KINDS[kind])
        config.task_type = "CAUSAL_LM"
        model = peft.get_peft_model(self.base(), config)
        torch.manual_seed(3)
        for parameter in model.parameters():
            if parameter.requires_grad:
                parameter.data += 0.05 * torch.randn_like(parameter) * (parameter.abs().mean() + 0.2)
        self.save(model, self.adapter)
        models.record_base(self.adapter, base)

    def base(self):
        return models.load_base(self.profile)

    def save(self, model, out):
        model.save_pretrained(out)
        self.tokenizer.save_pretrained(out)
        return out

    def merged(self, base=None, adapter=None):
        base = base or self.base()
        return peft.PeftModel.from_pretrained(base, adapter or self.adapter).merge_and_unload()

    def names(self, model, limit=0.05) -> list[str]:
        out = self.save(model, self.folder / "merged")
        verdict = verify(out, self.adapter, self.profile, PROMPTS, limit)
        shutil.rmtree(out)
        return verdict.names

    def other_base(self):
        base = self.base()
        torch.manual_seed(1)
        for name, parameter in base.named_parameters():
            if "proj.weight" in name:  # where adapters sit, and nowhere else
                parameter.data += 0.02 * parameter.std() * torch.randn_like(parameter)
        return base

    def other_scale(self):
        edited = shutil.copytree(self.adapter, self.folder / "edited")
        settings = json.loads((edited / "adapter_config.json").read_text())
        key = next(key for key in ALPHA if key in settings)
        (edited / "adapter_config.json").write_text(json.dumps({**settings, key: settings[key] / 2}))
        return edited


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    folder = tmp_path_factory.mktemp("kinds") / "base"
    model = AutoModelForCausalLM.from_pretrained(make_base(folder, pad="<pad>", width=64))
    model.config.attention_bias = model.config.mlp_bias = True
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_config(model.config)
    for name, parameter in model.named_parameters():
        if name.endswith(".bias"):
            parameter.data.normal_(std=0.1)
    model.save_pretrained(folder)
    return str(folder)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", KINDS)
def test_right_and_wrong_merges_of_every_kind(kind, base, tmp_path):
    world = World(tmp_path, base, kind)
    assert world.names(world.merged()) == []
    assert world.names(world.merged().bfloat16(), limit=3.0) == []
    assert world.names(world.base()) == ["not merged"]
    assert world.names(world.merged(world.merged())) == ["merged twice"]
    assert world.names(world.merged(world.other_base())) == ["wrong base"]
    if any(hasattr(KINDS[kind], key) for key in ALPHA):
        assert world.names(world.merged(adapter=world.other_scale())) == ["scaling lost"]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_dora_merged_as_plain_lora_has_lost_its_magnitudes(base, tmp_path):
    world = World(tmp_path, base, "dora")
    plain = shutil.copytree(world.adapter, tmp_path / "plain")
    settings = json.loads((plain / "adapter_config.json").read_text())
    (plain / "adapter_config.json").write_text(json.dumps({**settings, "use_dora": False}))
    assert world.names(world.merged(adapter=plain)) == ["scaling lost"]


def test_a_kind_that_changes_no_weights_cannot_be_merged(base, tmp_path):
    profile = replace(profiles.select("tiny"), model=base, quantize=False)
    model = peft.get_peft_model(
        models.load_base(profile), peft.PromptTuningConfig(task_type="CAUSAL_LM", num_virtual_tokens=2)
    )
    model.save_pretrained(tmp_path / "prompt")
    for use in (
        lambda: merging.merge(tmp_path / "prompt", profile, "full"),
        lambda: verify(tmp_path / "prompt", tmp_path / "prompt", profile, PROMPTS),
    ):
        with pytest.raises(InputError, match="PROMPT_TUNING, which changes no weights"):
            use()
