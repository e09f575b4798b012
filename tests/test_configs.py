"""The architectures in data/configs are the published ones: their parameter counts are exact."""

import re

import pytest

from helpers import DATA, lora_math
from helpers.errors import InputError

PUBLISHED = {  # as the model cards and papers count them, a tied head once
    "bloom-7b1": 7_069_016_064,
    "gpt2": 124_439_808,
    "llama-2-13b": 13_015_864_320,
    "llama-2-7b": 6_738_415_616,
    "llama-3.1-8b": 8_030_261_248,
    "llama-33b": 32_528_943_616,
    "llama-65b": 65_285_660_672,
    "mistral-7b": 7_241_732_096,
    "qwen-7b": 7_721_324_544,
    "qwen-72b": 72_287_920_128,
    "qwen2.5-0.5b": 494_032_768,
    "qwen2.5-1.5b": 1_543_714_304,
    "qwen2.5-72b": 72_706_203_648,
    "qwen2.5-7b": 7_615_616_512,
}


@pytest.mark.parametrize("name", lora_math.config_names())
def test_parameter_count_is_the_published_one(name):
    model = lora_math.meta_model(name)
    assert lora_math.parameter_count(model) == PUBLISHED[name]
    assert all(parameter.is_meta for parameter in model.parameters())


def test_every_published_count_has_its_config():
    assert lora_math.config_names() == sorted(PUBLISHED)


def test_readme_table_says_the_same_counts():
    rows = re.findall(r"^\| `([\w.-]+)\.json` \|.*\| ([\d,]+) \|$", (DATA / "configs" / "README.md").read_text(), re.M)
    assert {name: int(count.replace(",", "")) for name, count in rows} == PUBLISHED


def test_unknown_name_lists_the_known_ones():
    with pytest.raises(InputError, match="qwen2.5-7b"):
        lora_math.meta_model("qwen3-1t")
