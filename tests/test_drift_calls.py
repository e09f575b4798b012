"""Drift on what no signature shows: modes of generate, tasks, tokenizers, callbacks, fields of the script itself, and
what a repair of a mere warning must not do."""

import inspect

import pytest
from drift_gates import BASE, GIVEN

from helpers import drift


def found(text: str, folder, levels: tuple[str, ...] = ("error",)) -> list[str]:
    """`line subject` of each finding of these levels in a script of this text."""
    path = folder / "script.py"
    path.write_text(text, encoding="utf-8")
    return [f"{f.line} {f.subject.rpartition('.')[2]}" for f in drift.check(path) if f.level in levels]


def repaired(text: str, folder) -> str:
    (folder / "script.py").write_text(text, encoding="utf-8")
    copy = drift.fix(folder / "script.py")
    return copy.read_text(encoding="utf-8") if copy else text


MODEL = "from transformers import *\nmodel = AutoModelForCausalLM.from_pretrained('x', dtype='auto')\n"
REMOTE = [name for name in GIVEN if name not in ("return_legacy_cache", "use_model_defaults")]


@pytest.mark.parametrize("argument", REMOTE)
def test_a_mode_of_generate_that_is_code_on_the_hub_now_is_an_error(argument, tmp_path):
    given = ", ".join(f"{name}={value!r}" for name, value in GIVEN[argument].items())
    assert found(f"{MODEL}model.generate(**inputs, {given})\n", tmp_path) == [f"3 {argument}"]
    config = f"c = GenerationConfig({given})\nmodel.generate(**inputs, generation_config=c)\n"
    assert found(MODEL + config, tmp_path) == [f"3 {argument}"]
    assert found(f"{MODEL}pipeline('text-generation', 'x')('a', {given})\n", tmp_path) == [f"3 {argument}"]


HARMLESS = [
    {"penalty_alpha": 0, "top_k": 4},
    {"penalty_alpha": 0.6, "top_k": 4, "do_sample": True},
    {"penalty_alpha": 0.6, "top_k": 1},
    {"penalty_alpha": 0.6, "num_beams": 2},
    {"num_beam_groups": 1, "num_beams": 2},
    {"num_beam_groups": 2},
    {"force_words_ids": None},
    {"constraints": None},
    {"dola_layers": None},
    {"dola_layers": "high", "num_beams": 2},
]


@pytest.mark.parametrize("given", HARMLESS, ids=str)
def test_a_mode_that_is_not_reached_is_none(given, tmp_path):
    from transformers import AutoModelForCausalLM, AutoTokenizer

    text = ", ".join(f"{name}={value!r}" for name, value in given.items())
    assert found(f"{MODEL}model.generate(**inputs, {text})\n", tmp_path) == []
    inputs = AutoTokenizer.from_pretrained(BASE)("a", return_tensors="pt")
    assert AutoModelForCausalLM.from_pretrained(BASE).generate(**inputs, max_new_tokens=1, **given).shape[0] == 1


@pytest.mark.parametrize(
    ("call", "lines"),
    [
        ("model.generate(i, num_beams=4, num_beam_groups=args.groups)", []),
        ("model.generate(i, force_words_ids=words)", []),
        ("words = tok(w).input_ids; model.generate(i, force_words_ids=words)", ["3 force_words_ids"]),
        ("model.generate(i, dola_layers='low', trust_remote_code=True)", []),
        ("model.generate(i, penalty_alpha=0.6, top_k=4, custom_generate='a/b')", []),
        ("model.generate(i, penalty_alpha=0.6, top_k=4, do_sample=flag)", []),
    ],
)
def test_what_a_mode_hangs_on_is_known_or_nothing_is_said(call, lines, tmp_path):
    assert found(f"{MODEL}{call}\n", tmp_path) == lines


def test_every_task_that_is_gone_is_named_however_it_is_written(tmp_path):
    from transformers.pipelines import REMOVED_TASKS, check_task

    head = "from transformers import pipeline\n"
    for task in (*REMOVED_TASKS, "translation_en_to_fr", "conversational"):
        with pytest.raises(KeyError):
            check_task(task)
        assert found(f"{head}pipeline('{task}', model=m)\n", tmp_path) == ["2 task"]
        assert found(f"{head}TASK = '{task}'\npipeline(task=TASK)\n", tmp_path) == ["3 task"]
    assert found(head + "pipeline(f'translation_{a}_to_{b}')\n", tmp_path) == ["2 task"]
    assert found(head + "pipeline('image-to-text')\npipeline('fill-mask')\npipeline(task)\n", tmp_path) == []


TOKENIZER = "from transformers import AutoTokenizer\ntok = AutoTokenizer.from_pretrained('x')\n"


@pytest.mark.parametrize(
    "use",
    [
        "tok.prepare_for_model([1])",
        "tok.build_inputs_with_special_tokens([1])",
        "tok.create_token_type_ids_from_sequences([1])",
        "tok.truncate_sequences([1])",
        "tok.max_len",
        "tok.max_model_input_sizes",
        "tok.default_chat_template",
        "tok('a', truncation_strategy='longest_first')",
        "tok.encode('a', truncation_strategy='longest_first')",
        "tok('a', return_tensors='tf')",
    ],
)
def test_what_a_tokenizer_refuses_is_found_and_really_refused(use, tmp_path):
    from transformers import AutoTokenizer

    assert len(found(f"{TOKENIZER}{use}\n", tmp_path)) == 1
    with pytest.raises((AttributeError, TypeError, ValueError)):
        eval(use, {"tok": AutoTokenizer.from_pretrained(BASE)})


def test_what_a_tokenizer_silently_leaves_undone_is_found_and_repaired(tmp_path):
    from transformers import AutoTokenizer

    text = f"{TOKENIZER}rows = tok(['a', 'b c'], pad_to_max_length=True, max_length=9)\n"
    assert found(text, tmp_path, ("changed",)) == ["3 pad_to_max_length"]
    assert "tok(['a', 'b c'], padding=\"max_length\", max_length=9)" in repaired(text, tmp_path)
    tokenizer = AutoTokenizer.from_pretrained(BASE)
    assert len(tokenizer("a", pad_to_max_length=True, max_length=9).input_ids) < 9
    assert len(tokenizer("a", padding="max_length", max_length=9).input_ids) == 9


@pytest.mark.parametrize(
    "use", ["tok('a', padding=True, truncation=True, max_length=3)", "tok('a', return_tensors='np')", "tok(pad=flag)"]
)
def test_a_call_that_a_tokenizer_takes_is_left_alone(use, tmp_path):
    assert found(f"{TOKENIZER}{use}\n", tmp_path, ("error", "changed", "deprecated")) == []


def test_a_tokenizer_written_in_python_keeps_its_methods(tmp_path):
    text = "from transformers import PreTrainedTokenizer\ndef f(tok: PreTrainedTokenizer):\n"
    assert found(text + "    return tok.prepare_for_model([1])\n", tmp_path) == []


def test_an_attribute_that_is_gone_may_be_set_and_nothing_reads_it(tmp_path):
    text = f"{TOKENIZER}tok.additional_special_tokens = ['<a>']\n"
    assert found(text, tmp_path) == []
    assert "3 additional_special_tokens" in found(text, tmp_path, ("changed",))
    assert found("import transformers\ntransformers.AdamW = mine\n", tmp_path) == []


CALLBACK = "from transformers import TrainerCallback\nclass C(TrainerCallback):\n"


@pytest.mark.parametrize(
    ("method", "line"),
    [
        ("on_log(self, args, state, control, tokenizer=None, **kw):\n        tokenizer.decode([1])\n", 3),
        ("on_log(self, args, state, control, **kw):\n        kw.pop('tokenizer')\n", 4),
        ("on_log(self, args, state, control, **kw):\n        kw.get('tokenizer').decode([1])\n", 4),
        ("on_log(self, args, state, control, **kw):\n        t = kw.get('tokenizer', None)\n        t([1])\n", 4),
        ("on_log(self, args, state, control, **kw):\n        t = kw.get('tokenizer')\n        t and t([1])\n", None),
        ("on_log(self, args, state, control, **kw):\n        kw.pop('tokenizer', None)\n", None),
        ("on_log(self, args, state, control, **kw):\n        kw.get('tokenizer', mine).decode([1])\n", None),
        (
            "on_log(self, args, state, control, tokenizer=None, **kw):\n        if tokenizer is None:\n"
            "            return\n        tokenizer.decode([1])\n",
            None,
        ),
        (
            "on_log(self, args, state, control, tokenizer=None, **kw):\n        try:\n"
            "            tokenizer.decode([1])\n        except AttributeError:\n            pass\n",
            None,
        ),
    ],
)
def test_a_callback_that_needs_its_tokenizer_is_found(method, line, tmp_path):
    assert found(f"{CALLBACK}    def {method}", tmp_path) == ([f"{line} tokenizer"] if line else [])


def test_a_callback_is_repaired_with_all_that_reads_the_tokenizer(tmp_path):
    from transformers import TrainingArguments
    from transformers.trainer_callback import CallbackHandler, DefaultFlowCallback

    text = CALLBACK + (
        "    def on_save(self, args, state, control, tokenizer, **kwargs):\n"
        "        self.saved = [tokenizer.name for _ in range(1)], kwargs\n"
        "    def on_log(self, args, state, control, **kwargs):\n        self.logged = kwargs['tokenizer']\n"
    )
    copy = repaired(text, tmp_path)
    assert "tokenizer" not in copy and not found(copy, tmp_path)
    space: dict = {}
    exec(copy, space)
    mine, handed = space["C"](), type("Named", (), {"name": "n"})()
    handler = CallbackHandler([DefaultFlowCallback(), mine], None, handed, None, None)
    for event in ("on_save", "on_log"):
        handler.call_event(event, TrainingArguments(str(tmp_path), use_cpu=True), None, None)
    assert mine.saved[0] == ["n"] and mine.logged is handed


OWN = "from dataclasses import dataclass\nfrom transformers import *\nfrom trl import DPOConfig\n"


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        (
            "@dataclass\nclass A(TrainingArguments):\n    group_by_length: bool = False\n"
            "class T(Trainer):\n    def f(self):\n        return self.args.group_by_length, self.args.no_cuda\n",
            ["9 no_cuda"],
        ),
        (
            "@dataclass\nclass A(TrainingArguments):\n    past_index: int = 0\n"
            "def f(args: TrainingArguments):\n    return args.past_index, args.no_cuda\n",
            ["8 no_cuda"],
        ),
        (
            "@dataclass\nclass A(TrainingArguments):\n    past_index: int = 0\nTrainingArguments('o').past_index\n",
            ["7 past_index"],
        ),
        (
            "@dataclass\nclass M:\n    past_index: int = 0\n@dataclass\nclass A(M, DPOConfig):\n    mine: int = 1\n"
            "A('o', mine=1, past_index=2, no_cuda=True, other=3)\n",
            ["10 no_cuda", "10 other"],
        ),
        ("from x import M\n@dataclass\nclass A(M, DPOConfig):\n    mine: int = 1\nA('o', no_cuda=True)\n", []),
    ],
)
def test_fields_that_a_script_declares_are_its_own(text, lines, tmp_path):
    assert found(OWN + text, tmp_path) == lines


@pytest.mark.parametrize(
    ("config", "argument"),
    [
        ("trl.GRPOConfig", "max_prompt_length"),
        ("trl.RLOOConfig", "max_prompt_length"),
        ("trl.KTOConfig", "max_prompt_length"),
        ("trl.KTOConfig", "max_completion_length"),
        ("trl.DPOConfig", "max_prompt_length"),
        ("trl.ORPOConfig", "max_prompt_length"),
        ("trl.CPOConfig", "max_prompt_length"),
    ],
)
def test_lengths_that_a_config_no_longer_takes_come_with_advice(config, argument, tmp_path):
    (tmp_path / "s.py").write_text(f"import trl\n{config}('o', {argument}=3)\n", encoding="utf-8")
    messages = [one.message for one in drift.check(tmp_path / "s.py") if one.subject == argument]
    assert len(messages) == 1 and "no longer takes" in messages[0] and ";" in messages[0]


def test_lengths_that_a_config_takes_are_left_alone(tmp_path):
    text = (
        "import trl\nfrom trl.experimental.orpo import ORPOConfig\nORPOConfig('o', max_completion_length=3)\n"
        "trl.GRPOConfig('o', max_completion_length=3)\ntrl.KTOConfig('o', max_length=3)\n"
    )
    assert found(text, tmp_path) == []


@pytest.mark.parametrize("given", ["use_reentrant=False", "**settings"])
def test_a_repair_of_a_warning_that_would_raise_is_left_and_said(given, tmp_path):
    from transformers import PreTrainedModel

    text = f"{MODEL}model.gradient_checkpointing_enable({given})\n"
    assert repaired(text, tmp_path) == text
    (only,) = (one for one in drift.check(tmp_path / "script.py") if one.level == "deprecated")
    assert "--fix leaves this" in only.message and not only.edits
    today = inspect.signature(PreTrainedModel.activation_checkpointing_enable)
    with pytest.raises(TypeError):
        today.bind(None, use_reentrant=False)


@pytest.mark.parametrize("given", ["", "{'use_reentrant': False}", "gradient_checkpointing_kwargs={}"])
def test_a_repair_of_a_warning_that_runs_is_made(given, tmp_path):
    assert "activation_checkpointing_enable" in repaired(
        f"{MODEL}model.gradient_checkpointing_enable({given})\n", tmp_path
    )


def test_a_data_set_that_is_a_script_is_not_loaded(tmp_path):
    assert found("from datasets import load_dataset\nload_dataset('mine.py')\nload_dataset('json')\n", tmp_path) == [
        "2 path"
    ]


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("model = model.to('cuda')\nmodel.prune_heads({})\n", ["4 prune_heads"]),
        ("model = model.to_bettertransformer()\n", ["3 to_bettertransformer"]),
        ("model = wrap(model)\nmodel.prune_heads({})\n", []),
        ("for _ in y:\n    model = wrap(model.prune_heads({}))\n", []),
        ("(model := wrap(x)) and model.prune_heads({})\n", []),
    ],
)
def test_a_name_on_the_right_of_its_own_assignment_is_what_it_was(text, lines, tmp_path):
    assert found(MODEL + text, tmp_path) == lines


@pytest.mark.parametrize(
    ("body", "lines"),
    [
        ("        return self.use_apex\n", ["4 use_apex"]),
        ("        if hasattr(self, 'use_apex'):\n            return self.use_apex\n", []),
        ("        return self.label_smoother, self.accelerator, self.model_wrapped, self.is_in_train\n", []),
        ("        self.use_apex = 1\n    def g(self):\n        return self.use_apex\n", []),
        ("        return self.use_apex\nclass U(T):\n    use_apex = False\n", []),
        ("        setattr(self, name, 1)\n        return self.use_apex\n", []),
    ],
)
def test_what_no_trainer_sets_any_more_is_missed_in_ones_own(body, lines, tmp_path):
    text = f"from transformers import Trainer\nclass T(Trainer):\n    def f(self):\n{body}"
    assert found(text, tmp_path) == lines


def test_what_a_mixin_is_combined_with_is_not_known(tmp_path):
    text = "from transformers import GenerationMixin\nclass M(GenerationMixin):\n    def f(self):\n"
    assert found(f"{text}        return self.peft_config\n", tmp_path) == []


def test_a_trainer_really_lacks_what_it_is_said_to_lack(tmp_path):
    from transformers import AutoModelForCausalLM, Trainer, TrainingArguments

    trainer = Trainer(AutoModelForCausalLM.from_pretrained(BASE), TrainingArguments(str(tmp_path), use_cpu=True))
    assert not any(hasattr(trainer, name) for name in ("use_apex", "do_grad_scaling", "scaler", "sharded_ddp"))
    assert all(hasattr(trainer, name) for name in ("label_smoother", "accelerator", "model_wrapped", "is_in_train"))
