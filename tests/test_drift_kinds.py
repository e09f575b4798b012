"""Drift on code as people write it: configs, subclasses, annotations, guards, control flow, templates, moves."""

from pathlib import Path

import pytest

from helpers import DATA, drift


def found(text: str, folder: Path, levels: tuple[str, ...] = ("error",)) -> list[str]:
    """`line subject` of each finding of these levels in a script of this text."""
    path = folder / "script.py"
    path.write_text(text, encoding="utf-8")
    return [f"{f.place.rpartition(':')[2]} {f.subject}" for f in drift.check(path) if f.level in levels]


@pytest.mark.parametrize(
    "call",
    [
        "LlamaConfig(hidden_size=64, rope_theta=1e4, torch_dtype='float32', mine=3)",
        "GPT2Config(n_ctx=128, gradient_checkpointing=True)",
        "BertConfig(position_embedding_type='absolute', num_labels=3)",
        "GenerationConfig(max_new_tokens=3, mine=1)",
        "BitsAndBytesConfig(load_in_4bit=True, mine=1)",
    ],
)
def test_a_config_takes_any_argument(call, tmp_path):
    assert found(f"from transformers import *\nc = {call}\n", tmp_path) == []


def test_a_signature_is_trusted_where_the_library_itself_refuses(tmp_path):
    text = "import peft, transformers, trl\npeft.LoraConfig(mine=1)\ntrl.SFTConfig('o', mine=1)\n"
    assert found(text + "transformers.Trainer(mine=1)\n", tmp_path) == ["2 mine", "3 mine", "4 mine"]


@pytest.mark.parametrize(
    ("argument", "refused"),
    [
        ("mine=1", True),
        ("fp32=True", True),
        ("use_cache=False", False),
        ("num_labels=2", False),
        ("hidden_dropout_prob=0.1", False),
        ("low_cpu_mem_usage=True", False),
        ("mine=1, trust_remote_code=True", False),
        ("mine=1, config=config", False),
    ],
)
def test_from_pretrained_refuses_what_no_config_knows(argument, refused, tmp_path):
    text = f"from transformers import AutoModelForCausalLM as A\nA.from_pretrained('x', dtype='auto', {argument})\n"
    assert bool(found(text, tmp_path)) is refused
    text = f"from transformers import LlamaForCausalLM as A\nA.from_pretrained('x', dtype='auto', {argument})\n"
    assert bool(found(text, tmp_path)) is refused


OWN = (
    "import transformers\nfrom dataclasses import dataclass, field\n"
    "@dataclass\nclass Mine(transformers.TrainingArguments):\n"
    "    model_max_length: int = 512\n    group_by_length: bool = field(default=False)\n"
)


def test_fields_of_the_scripts_own_subclass_are_arguments(tmp_path):
    assert found(
        OWN + "Mine(output_dir='o', model_max_length=3, group_by_length=True, no_cuda=True, other=1)\n", tmp_path
    ) == [
        "7 no_cuda",
        "7 other",
    ]
    further = (
        "@dataclass\nclass More(Mine):\n    other: int = 1\nMore('o', model_max_length=3, other=1, no_cuda=True)\n"
    )
    assert found(OWN + further, tmp_path) == ["10 no_cuda"]


@pytest.mark.parametrize(
    ("use", "line"),
    [
        (
            "def f(args: transformers.TrainingArguments):\n    return args.no_cuda\n",
            "8 transformers.TrainingArguments.no_cuda",
        ),
        ("def f(args: 'transformers.TrainingArguments'): return args.output_dir\n", None),
        ("def f(args: transformers.TrainingArguments | None = None):\n    return args.save_steps, args.no_cuda\n", "8"),
        ("from typing import Optional\ndef f(a: Optional[Mine]):\n    return a.no_cuda\n", "9"),
        ("def f(args: Mine):\n    return args.group_by_length\n", None),
        ("def f(args: Mine):\n    args.no_cuda = 1\n", None),
        ("def f(args):\n    return args.no_cuda\n", None),
        ("def f() -> Mine:\n    return g()\nf().no_cuda\n", "9"),
        ("def f() -> transformers.PreTrainedTokenizer:\n    return g()\nt = f()\nt.encode_plus('a')\n", "10"),
        ("def f() -> list[Mine]:\n    return g()\nf().no_cuda\n", None),
        ("@wrap\ndef f() -> Mine:\n    return g()\nf().no_cuda\n", None),
        ("def f(tok: transformers.PreTrainedTokenizer):\n    return tok.encode_plus('a')\n", "8"),
        ("a, = transformers.HfArgumentParser(Mine).parse_args_into_dataclasses()\na.no_cuda\n", "8"),
        ("p = transformers.HfArgumentParser((int, Mine))\nx, a = p.parse_args_into_dataclasses()\na.no_cuda\n", "9"),
        ("p = transformers.HfArgumentParser((int, Mine))\na, x = p.parse_args_into_dataclasses()\na.no_cuda\n", None),
    ],
)
def test_annotated_and_parsed_arguments_are_followed(use, line, tmp_path):
    lines = found(OWN + use, tmp_path)
    assert not lines if line is None else len(lines) == 1 and lines[0].startswith(line)


@pytest.mark.parametrize(
    ("body", "line"),
    [
        ("    def f(self):\n        return self.tokenizer\n", "4 transformers.Trainer.tokenizer"),
        ("    def f(self):\n        self.tokenizer = 1\n        return self.tokenizer\n", None),
        ("    def __init__(self, tokenizer):\n        super().__init__(tokenizer=tokenizer)\n", "4 tokenizer"),
        ("    def __init__(self, tokenizer):\n        super().__init__(processing_class=tokenizer)\n", None),
        ("    def f(self, x):\n        return x.tokenizer\n", None),
        ("    def f(self):\n        return self.args.no_cuda\n", "4 transformers.TrainingArguments.no_cuda"),
        ("    def f(self):\n        return self.args.output_dir\n", None),
    ],
)
def test_a_trainer_of_the_scripts_own_is_looked_into(body, line, tmp_path):
    assert found(f"from transformers import Trainer\nclass T(Trainer):\n{body}", tmp_path) == ([line] if line else [])


def test_what_an_object_of_the_script_keeps_is_followed(tmp_path):
    text = (
        "from transformers import AutoTokenizer\nclass Data:\n    def __init__(self):\n"
        "        self.coder = AutoTokenizer.from_pretrained('x')\n    def rows(self):\n"
        "        return self.coder.encode_plus('a')\n"
    )
    assert found(text, tmp_path) == ["6 transformers.PreTrainedTokenizerBase.encode_plus"]


MADE = (
    "from transformers import AutoConfig, AutoProcessor, DynamicCache, GenerationConfig, TrainerState\n"
    "from peft import LoraConfig, PeftConfig\nfrom trl import ModelConfig, SFTConfig\n"
)


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("m = ModelConfig()\nprint(m.torch_dtype, m.dtype)\n", ["5 trl.ModelConfig.torch_dtype"]),
        ("c = DynamicCache()\nc.key_cache, c.layers\n", ["5 transformers.DynamicCache.key_cache"]),
        ("def f(kv: DynamicCache):\n    return kv.value_cache[0]\n", ["5 transformers.DynamicCache.value_cache"]),
        ("print(LoraConfig().merge_weights, LoraConfig().r)\n", ["4 peft.LoraConfig.merge_weights"]),
        ("s = SFTConfig('o')\ns.mine = 1\ns.mine, s.max_length\n", []),
        ("s = SFTConfig('o')\nsetattr(s, 'mine', 1)\ns.mine\n", []),
        ("class S(SFTConfig):\n    mine: int = 1\nS('o').mine\n", []),
        ("def f(s: TrainerState):\n    return s.epoch, s.is_world_process_zero\n", []),
        ("g = GenerationConfig(mine=1)\ng.mine, g.max_new_tokens\n", []),
        ("p = PeftConfig.from_pretrained('x')\np.r, p.base_model_name_or_path\n", []),
        ("p = AutoProcessor.from_pretrained('x')\np.tokenizer\n", []),
        ("c = AutoConfig.from_pretrained('x')\nc.n_layer\n", []),
    ],
)
def test_a_field_that_nothing_sets_is_no_field(text, lines, tmp_path):
    assert found(MADE + text, tmp_path) == lines


@pytest.mark.parametrize(
    ("method", "lines"),
    [
        (
            "def on_save(self, args, state, control, **kwargs):\n        kwargs['tokenizer'].vocab_size\n",
            ["4"],
        ),
        ("def on_log(self, args, state, control, tokenizer, **kwargs):\n        pass\n", ["3"]),
        ("def on_log(self, args, state, control, tokenizer=None, **kwargs):\n        pass\n", []),
        ("def on_log(self, args, state, control, **kw):\n        kw.get('tokenizer'), kw['model']\n", []),
        ("def helper(self, **kwargs):\n        kwargs['tokenizer']\n", []),
    ],
)
def test_a_callback_gets_no_tokenizer(method, lines, tmp_path):
    text = f"from transformers import TrainerCallback\nclass C(TrainerCallback):\n    {method}"
    assert found(text, tmp_path) == [f"{line} tokenizer" for line in lines]


@pytest.mark.parametrize("name", ["DPO", "Reward", "KTO", "GRPO", "RLOO"])
def test_arguments_of_another_trainer_are_refused(name, tmp_path):
    text = (
        f"from transformers import TrainingArguments\nfrom trl import {name}Config, {name}Trainer\n"
        f"class Own(TrainingArguments):\n    beta: float = 1.0\nplain = TrainingArguments('o')\n"
        f"{name}Trainer(model, args=plain)\n{name}Trainer(model, args={name}Config('o'))\n"
        f"{name}Trainer(model, args=Own('o'))\n{name}Trainer(model, args=unknown)\n"
    )
    assert found(text, tmp_path) == ["6 args"]


def test_only_the_sft_trainer_turns_plain_arguments_into_its_own(tmp_path):
    text = "from transformers import TrainingArguments\nfrom trl import SFTTrainer\n"
    assert found(text + "SFTTrainer(model, TrainingArguments('o'))\n", tmp_path) == []
    import trl
    from datasets import Dataset
    from transformers import TrainingArguments

    plain = TrainingArguments(str(tmp_path), use_cpu=True)
    for trainer in (trl.DPOTrainer, trl.RewardTrainer, trl.KTOTrainer):
        with pytest.raises(AttributeError, match="TrainingArguments"):
            trainer(str(DATA / "base"), args=plain, train_dataset=Dataset.from_list([{"prompt": "a"}]))


HEAD = "import inspect, sys, transformers\nfrom packaging import version\nT = transformers.TrainingArguments\n"
OLD, NEW = "T('o', evaluation_strategy='no')", "T('o', eval_strategy='no')"


@pytest.mark.parametrize(
    "text",
    [
        f"if version.parse(transformers.__version__) >= version.parse('4.46'):\n    {NEW}\nelse:\n    {OLD}\n",
        f"if version.parse(transformers.__version__) < version.parse('4.46'):\n    {OLD}\n",
        f"NEW = version.Version(transformers.__version__).major >= 5\nif not NEW:\n    {OLD}\n",
        f"if transformers.__version__.startswith('4.'):\n    {OLD}\n",
        f"if int(transformers.__version__.split('.')[0]) < 5:\n    {OLD}\n",
        f"from importlib.metadata import version as v\nif version.parse(v('transformers')).major < 5:\n    {OLD}\n",
        f"from accelerate.utils import compare_versions\nif compare_versions('transformers', '<', '5'):\n    {OLD}\n",
        f"from x import is_transformers_version\nif is_transformers_version('<', '4.46'):\n    {OLD}\n",
        f"if sys.version_info < (3, 9):\n    {OLD}\n",
        f"if False:\n    {OLD}\n",
        f"from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    {OLD}\n",
        f"if 'eval_strategy' in inspect.signature(T.__init__).parameters:\n    {NEW}\nelse:\n    {OLD}\n",
        f"names = inspect.signature(T).parameters\na = {NEW} if 'eval_strategy' in names else {OLD}\n",
        f"if hasattr(T, 'evaluation_strategy'):\n    {OLD}\n",
        "if hasattr(transformers, 'AdamW'):\n    transformers.AdamW\n",
        "hasattr(transformers, 'AdamW') and transformers.AdamW\n",
        "getattr(transformers, 'AdamW', None)\n",
        "transformers.modeling_utils._init_weights = False\n",
        "kw = dict(output_dir='o')\nif hasattr(T, 'no_cuda'):\n    kw['no_cuda'] = True\nT(**kw)\n",
        "try:\n    from transformers import AdamW\nexcept:\n    AdamW = None\n",
        "import contextlib\nwith contextlib.suppress(ImportError):\n    from transformers import AdamW\n",
        "try:\n    from torch.optim import AdamW\n    from peft import LoraConfig as L\nexcept KeyError:\n    pass\n",
        "try:\n    from peft import prepare_model_for_kbit_training as p\n"
        "except ImportError:\n    from peft import prepare_model_for_int8_training as p\n",
        "try:\n    from transformers import AutoModelForImageTextToText as V\n"
        "except (ImportError, AttributeError):\n    from transformers import AutoModelForVision2Seq as V\n",
        f"try:\n    a = {NEW}\nexcept TypeError:\n    a = {OLD}\n",
    ],
)
def test_what_a_guard_keeps_from_running_is_not_found(text, tmp_path):
    assert found(HEAD + text, tmp_path) == []


@pytest.mark.parametrize(
    "text",
    [
        f"if version.parse(transformers.__version__) >= version.parse('4.46'):\n    {OLD}\n",
        f"if version.parse(transformers.__version__) < version.parse('4.46'):\n    pass\nelse:\n    {OLD}\n",
        f"if sys.version_info >= (3, 9):\n    {OLD}\n",
        f"USE = False\nif USE:\n    {OLD}\n",
        f"if hasattr(T, 'other'):\n    {OLD}\n",
        f"if not False:\n    {OLD}\n",
        "getattr(transformers, 'AdamW')\n",
        "try:\n    from transformers import AdamW\nexcept ImportError:\n    raise RuntimeError('too old')\n",
        "try:\n    from trl import DataCollatorForCompletionOnlyLM\n"
        "except ImportError:\n    from peft import prepare_model_for_int8_training\n",
        "try:\n    import unsloth\nexcept ImportError:\n    from peft import prepare_model_for_int8_training\n",
        f"try:\n    a = T('o', no_cuda=True)\nexcept TypeError:\n    a = {OLD}\n",
        f"try:\n    a = {NEW}\nexcept Exception:\n    a = {OLD}\n",
    ],
)
def test_what_runs_today_is_found_behind_a_guard_too(text, tmp_path):
    assert len(found(HEAD + text, tmp_path)) == 1


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("kw = dict(output_dir='o', no_cuda=True)\nkw['fp16'] = False\nT(**kw)\n", ["4 no_cuda"]),
        ("kw = {'output_dir': 'o'}\nif x:\n    kw['no_cuda'] = True\nT(**kw)\n", ["6 no_cuda"]),
        ("kw = {'output_dir': 'o'}\nkw.update(no_cuda=True)\nprint(kw)\nT(**kw)\n", ["5 no_cuda"]),
        ("kw = dict(no_cuda=True)\ndel kw['no_cuda']\nT(**kw)\n", []),
        ("kw = dict(no_cuda=True)\nclean(kw)\nT(**kw)\n", []),
        ("if x:\n    C = T\nelse:\n    C = None\nC('o', no_cuda=True)\n", ["8 no_cuda"]),
        ("from functools import partial\npartial(T, no_cuda=True)\n", ["5 no_cuda"]),
        ("import importlib\nimportlib.import_module('transformers').TrainingArguments(no_cuda=True)\n", ["5 no_cuda"]),
        ("getattr(transformers, 'TrainingArguments')('o', no_cuda=True)\n", ["4 no_cuda"]),
        ("from transformers import *\nSeq2SeqTrainingArguments('o', no_cuda=True)\n", ["5 no_cuda"]),
        (
            "T = wrap(T)\nT('o', no_cuda=True)\nT = transformers.TrainingArguments\nT('o', no_cuda=True)\n",
            ["7 no_cuda"],
        ),
        ("for _ in y:\n    T('o', no_cuda=True)\n    T = z\n", []),
    ],
)
def test_arguments_and_classes_are_followed_through_the_code(text, lines, tmp_path):
    assert found(HEAD + text, tmp_path) == lines


CHAT = (
    "from transformers import AutoModelForCausalLM, AutoTokenizer\ntokenizer = AutoTokenizer.from_pretrained('x')\n"
    "model = AutoModelForCausalLM.from_pretrained('x', dtype='auto').to('cuda')\n"
)
INPUTS = "inputs = tokenizer.apply_chat_template(m, add_generation_prompt=True, return_tensors='pt'{})\n"


@pytest.mark.parametrize(
    ("rest", "lines"),
    [
        (INPUTS.format("") + "model.generate(inputs)\n", ["5 inputs"]),
        (INPUTS.format("") + "out = model.generate(input_ids=inputs.to('cuda'), max_new_tokens=3)\n", ["5 input_ids"]),
        (INPUTS.format("").rstrip() + ".to(model.device)\nmodel.generate(inputs=inputs)\n", ["5 inputs"]),
        ("model.generate(tokenizer.apply_chat_template(m, return_tensors='pt'))\n", ["4 inputs"]),
        (INPUTS.format("") + "x = inputs.shape[1]\n", ["5 transformers.BatchEncoding.shape"]),
        (
            "def f(model, tok):\n    i = tok.apply_chat_template(m, return_tensors='pt')\n    model.generate(i)\n",
            ["6 inputs"],
        ),
        (INPUTS.format(", return_dict=False") + "model.generate(inputs)\ninputs.shape\n", []),
        (INPUTS.format(", tokenize=False") + "model.generate(**tokenizer(inputs, return_tensors='pt'))\n", []),
        (INPUTS.format(", return_dict=as_dict") + "model.generate(inputs)\n", []),
        (INPUTS.format("") + "model.generate(**inputs)\ninputs['input_ids'].shape\ninputs.input_ids.shape\n", []),
        (
            "ids = tokenizer('a', return_tensors='pt').input_ids\nmodel.generate(ids)\nmodel.generate(input_ids=ids)\n",
            [],
        ),
    ],
)
def test_a_template_that_answers_with_a_mapping_is_no_input_of_generate(rest, lines, tmp_path):
    assert found(CHAT + rest, tmp_path) == lines
    if lines:
        copy = drift.fix(tmp_path / "script.py")
        assert "return_dict=False" in copy.read_text(encoding="utf-8")
        assert [finding for finding in drift.check(copy) if finding.level == "error"] == []


def test_generate_really_refuses_what_the_template_gives_today():
    from drift_gates import BASE
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model, tokenizer = AutoModelForCausalLM.from_pretrained(BASE), AutoTokenizer.from_pretrained(BASE)
    message = [{"role": "user", "content": "hi"}]
    with pytest.raises(AttributeError):
        model.generate(tokenizer.apply_chat_template(message, return_tensors="pt"), max_new_tokens=1)
    ids = tokenizer.apply_chat_template(message, return_tensors="pt", return_dict=False)
    assert model.generate(ids, max_new_tokens=1).shape[1] == ids.shape[1] + 1


def test_the_arguments_of_a_moved_class_are_those_that_it_takes_where_it_is(tmp_path):
    text = "from trl import ORPOConfig, ORPOTrainer\nORPOConfig('o', no_cuda=True, mine=1)\nORPOTrainer(tokenizer=1)\n"
    assert found(text, tmp_path) == ["1 trl.ORPOConfig", "1 trl.ORPOTrainer", "2 no_cuda", "2 mine", "3 tokenizer"]


def test_a_missing_module_is_one_finding(tmp_path):
    text = "from transformers.generation_utils import (\n    one,\n    two,\n    three,\n)\n"
    assert found(text, tmp_path) == ["1 transformers.generation_utils"]
    text = "from transformers.deepspeed import HfDeepSpeedConfig, is_deepspeed_zero3_enabled\n"
    assert found(text, tmp_path) == ["1 transformers.deepspeed"]
    copy = drift.fix(tmp_path / "script.py").read_text(encoding="utf-8")
    assert copy == text.replace("transformers.deepspeed", "transformers.integrations.deepspeed")


def test_a_package_beside_the_script_is_not_the_library(tmp_path):
    (tmp_path / "datasets").mkdir()
    assert found("from datasets import load_metric\nfrom datasets.mine import rows\n", tmp_path) == []


def test_left_to_you_counts_what_the_repair_uncovers(tmp_path):
    script = tmp_path / "s.py"
    script.write_text("import trl\ntrl.SFTConfig('o', max_seq_length=3, num_of_sequences=1)\n", encoding="utf-8")
    (tmp_path / "s.py").write_text(
        "from transformers import EvaluationStrategy as E\nE.STEPS\nE.MINE\n", encoding="utf-8"
    )
    done = drift.examine(script, repair=True)
    assert len(done.findings) == 1 and [finding.subject for finding in done.left] == [
        "transformers.IntervalStrategy.MINE"
    ]
    assert done.lines()[-2].endswith("1 left to you, 1 of them first seen there")
