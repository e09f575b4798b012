"""The architectures in data/configs are the published ones: their parameter counts are exact."""

import re

import pytest

from helpers import DATA, lora_math
from helpers.errors import InputError

PUBLISHED = {  # as the model cards and papers count them, a tied head once
    "bloom-7b1": 7_069_016_064,
    "deepseek-r1-distill-qwen-1.5b": 1_777_088_000,
    "gemma-2-27b": 27_227_128_320,
    "gemma-2-2b": 2_614_341_888,
    "gemma-2-9b": 9_241_705_984,
    "gemma-3-12b": 12_187_325_040,
    "gemma-3-1b": 999_885_952,
    "gemma-3-27b": 27_432_406_640,
    "gemma-3-4b": 4_300_079_472,
    "glm-4-9b": 9_400_279_040,
    "gpt-oss-20b": 20_914_757_184,
    "gpt2": 124_439_808,
    "llama-2-13b": 13_015_864_320,
    "llama-2-70b": 68_976_648_192,
    "llama-2-7b": 6_738_415_616,
    "llama-3.1-70b": 70_553_706_496,
    "llama-3.1-8b": 8_030_261_248,
    "llama-3.2-1b": 1_235_814_400,
    "llama-3.2-3b": 3_212_749_824,
    "llama-33b": 32_528_943_616,
    "llama-65b": 65_285_660_672,
    "mistral-7b": 7_241_732_096,
    "mistral-7b-v0.3": 7_248_023_552,
    "mistral-nemo-12b": 12_247_782_400,
    "mistral-small-24b": 23_572_403_200,
    "mixtral-8x7b": 46_702_792_704,
    "phi-3-mini": 3_821_079_552,
    "phi-4": 14_659_507_200,
    "phi-4-mini": 3_836_021_760,
    "qwen-72b": 72_287_920_128,
    "qwen-7b": 7_721_324_544,
    "qwen2.5-0.5b": 494_032_768,
    "qwen2.5-1.5b": 1_543_714_304,
    "qwen2.5-14b": 14_770_033_664,
    "qwen2.5-32b": 32_763_876_352,
    "qwen2.5-3b": 3_085_938_688,
    "qwen2.5-72b": 72_706_203_648,
    "qwen2.5-7b": 7_615_616_512,
    "qwen3-0.6b": 596_049_920,
    "qwen3-1.7b": 1_720_574_976,
    "qwen3-14b": 14_768_307_200,
    "qwen3-30b-a3b": 30_532_122_624,
    "qwen3-32b": 32_762_123_264,
    "qwen3-4b": 4_022_468_096,
    "qwen3-8b": 8_190_735_360,
    "smollm2-1.7b": 1_711_376_384,
    "smollm2-135m": 134_515_008,
    "smollm2-360m": 361_821_120,
    "tinyllama-1.1b": 1_100_048_384,
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
