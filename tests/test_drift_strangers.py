"""Scripts as strangers have them: repairs that broke them, and what nobody saw."""

import ast

import pytest

from helpers import drift


def found(tmp_path, text: str) -> list[tuple[str, str]]:
    """(level, message) of each finding in a script."""
    script = tmp_path / "script.py"
    script.write_text(text, encoding="utf-8")
    return [(finding.level, finding.message) for finding in drift.check(script)]


def repaired(tmp_path, text: str) -> str:
    script = tmp_path / "script.py"
    script.write_text(text, encoding="utf-8")
    copy = drift.fix(script).read_text(encoding="utf-8")
    ast.parse(copy)
    return copy


@pytest.mark.parametrize(
    "text",
    [
        "import torch; from trl import KTOTrainer, SFTTrainer\n",
        "try: from trl import KTOTrainer, SFTTrainer\nfinally: pass\n",
        "if True:\n\tfrom trl import KTOTrainer, SFTTrainer\n\tprint(SFTTrainer)\n",
    ],
    ids=["semicolon", "behind try", "tabs"],
)
def test_an_import_is_repaired_wherever_it_stands(tmp_path, text):
    text = text.replace("KTOTrainer", "ORPOTrainer")  # which has moved
    assert "from trl.experimental.orpo import ORPOTrainer" in repaired(tmp_path, text)


def test_a_method_that_was_renamed_takes_its_argument_along(tmp_path):
    text = (
        "from transformers import AutoModelForCausalLM\n"
        "model = AutoModelForCausalLM.from_pretrained('x', dtype='auto')\n"
        "model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={'use_reentrant': False})\n"
    )
    assert "activation_checkpointing_enable(activation_checkpointing_kwargs=" in repaired(tmp_path, text)


@pytest.mark.parametrize(
    "use", ["log.init(config=k)", "print(f'{k}')", "'x' in k", "for a in k: pass", "other = {**k, 'seed': 1}"]
)
def test_a_dict_that_is_only_looked_at_is_still_known(tmp_path, use):
    known = "k = {'output_dir': 'x', 'evaluation_strategy': 'no'}"
    text = f"import log\nfrom transformers import TrainingArguments\n{known}\n{use}\nTrainingArguments(**k)\n"
    assert any("evaluation_strategy" in message for level, message in found(tmp_path, text) if level == "error")


def test_what_a_merge_answers_is_a_model(tmp_path):
    text = (
        "from peft import PeftModel\nfrom transformers import AutoModelForCausalLM\n"
        "base = AutoModelForCausalLM.from_pretrained('x', dtype='auto')\n"
        "model = PeftModel.from_pretrained(base, 'y').merge_and_unload()\nmodel.push_to_hub('z', use_auth_token=True)\n"
    )
    assert any("use_auth_token" in message for _, message in found(tmp_path, text))


def test_trls_own_parser_is_followed(tmp_path):
    text = (
        "from trl import SFTConfig, TrlParser\n"
        "(args,) = TrlParser((SFTConfig,)).parse_args_and_config()\nprint(args.max_seq_length)\n"
    )
    assert any("max_seq_length" in message for _, message in found(tmp_path, text))


OLD = "        return Trainer(tokenizer=t)\n"
GUARDED = {
    "early return": "    if Version(transformers.__version__) >= Version('4.46'):\n"
    "        return Trainer(processing_class=t)\n"
    "    return Trainer(tokenizer=t)\n",
    "unpacked": "    major, minor = map(int, transformers.__version__.split('.')[:2])\n"
    f"    if (major, minor) < (4, 41):\n{OLD}",
    "tuple": "    if tuple(int(x) for x in transformers.__version__.split('.')[:2]) < (4, 41):\n" + OLD,
    "float": "    if float(transformers.__version__[:3]) < 4.4:\n" + OLD,
}


@pytest.mark.parametrize("body", GUARDED.values(), ids=GUARDED)
def test_a_branch_for_old_versions_is_no_error(tmp_path, body):
    head = (
        "import transformers\nfrom packaging.version import Version\nfrom transformers import Trainer\n\ndef make(t):\n"
    )
    assert not [message for level, message in found(tmp_path, head + body) if level == "error"]
    assert found(tmp_path, head + "    return Trainer(tokenizer=t)\n")


def test_advice_for_one_value_is_not_given_for_another(tmp_path):
    text = "from transformers import TrainingArguments\nTrainingArguments('x', adafactor=False)\n"
    (_, message), *_ = found(tmp_path, text)
    assert "no longer takes adafactor" in message and "where it is True" in message


def test_a_method_written_again_with_fewer_places_is_found(tmp_path):
    text = "from transformers import Trainer\nclass Mine(Trainer):\n"
    text += "    def get_batch_samples(self, it, n):\n        return []\n"
    assert any("is now called with" in message for _, message in found(tmp_path, text))


def test_a_setting_that_is_written_and_that_nobody_reads_is_found(tmp_path):
    text = "from transformers import TrainingArguments\nargs = TrainingArguments('x')\n"
    text += "args.evaluation_strategy = 'epoch'\n"
    assert any("evaluation_strategy" in message for _, message in found(tmp_path, text))
