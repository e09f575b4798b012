"""The doctor on reports that break off, or are in another language: what is left of them still says what it was."""

import importlib.util
import pathlib

import pytest

from helpers import doctor
from helpers.doctor import catalogue
from helpers.doctor.reading import read

FRAME = '  File "/x/site-packages/accelerate/accelerator.py", line 9, in unscale_gradients\n'


@pytest.mark.parametrize(
    ("report", "case"),
    [
        # The exception's line is cut.
        ("OSError: Consistency check failed: file should be of size 900 but has size 7", "could_not_load_model"),
        ("ValueError: Attempting to unscale FP", "fp16_gradients_unscaled"),
        ("RuntimeError: Expected all tensors to be on the sa", "tensors_on_different_devices"),
        ("RuntimeError: Expected all tensors to be on the sa...\nwhat is this", "tensors_on_different_devices"),
        ("RuntimeError: Expected all tensors to be on the sa… [truncated]\nsee above", "tensors_on_different_devices"),
        (
            "x/b.py:34: UserWarning: The installed version of bitsandbytes was compiled without GPU su",
            "bitsandbytes_unusable",
        ),
        # It is missing, and the last line of the program says what was raised.
        (
            f'Traceback (most recent call last):\n{FRAME}    raise ValueError("Attempting to unsc',
            "fp16_gradients_unscaled",
        ),
        (
            'Traceback (most recent call last):\n  File "/a/peft/t.py", line 9, in inject\n    raise ValueError(\n'
            '        f"Target modules {target_modules} not found in the base model. Please check',
            "target_modules_not_found",
        ),
        (
            "ValueError     Traceback (most recent call last)\n/x/peft/t.py in inject(self)\n    96   if bad:\n"
            '---> 97     raise ValueError(\n     98         f"Target modules {names} not found in the base model. Pl',
            "target_modules_not_found",
        ),
        # Neither is there; where it happened says it.
        (
            'Traceback (most recent call last):\n  File "/a/train.py", line 2, in <module>\n    import bitsandbytes\n'
            '  File "/a/b/bitsandbytes/functional.py", line 13, in <module>\n    from .cextension import lib',
            "bitsandbytes_unusable",
        ),
        (
            "KeyError         Traceback (most recent call last)\nCell In[4], line 7\n----> 7 model = load(path)\n\n"
            "File ~/env/lib/transformers/models/auto/auto_factory.py:456, in from_pretrained(cls, name)\n"
            "--> 456 config, kwargs = AutoConfig.from_pretrained(",
            "unknown_architecture",
        ),
        (
            "ValueError       Traceback (most recent call last)\nFile ~/env/lib/peft/tuners/tuners_utils.py:180, in "
            "BaseTuner.inject_adapter(self, model)\n--> 180 self._create_and_replace(\n\n"
            "File ~/env/lib/peft/tuners/lora/model.py:355, in LoraModel._create_new_module(config, target)\n",
            "target_modules_not_found",
        ),
        (
            'Traceback (most recent call last):\n  File "/x/datasets/arrow_dataset.py", line 9, in remove_columns\n',
            "missing_input_ids",
        ),
        # It goes on below the place that would say it.
        (
            'Traceback (most recent call last):\n  File "/x/datasets/arrow_dataset.py", line 9, in remove_columns\n'
            '    table = drop(\n  File "/x/site-packages/own/drop.py", line 3, in drop\n',
            None,
        ),
        # Enough is left to see that it is none of these, or nothing.
        ("ValueError: Attempting to un", None),
        ("ValueError: Attempting to unscale FP32 by hand failed.", None),
        (f"Traceback (most recent call last):\n{FRAME}    raise ValueError(message", None),
        (f'Traceback (most recent call last):\n{FRAME}    raise ValueError("my own che', None),
        ("KeyError: 'price'\n  File \"/a/site-packages/bitsandbytes/functional.py\", line 13, in f", None),
        ("ValueError: please specify", None),
    ],
)
def test_a_report_that_breaks_off(report, case):
    assert doctor.diagnose(report).case == case


def test_the_beginning_of_a_message_is_never_taken_for_another_case_and_mostly_for_its_own():
    right = []
    for case in doctor.load():
        for wording in [one for one in case.wordings if len(one.parts) == 1 and len(one.parts[0].tight) >= 30][::4]:
            guard = wording.any[0] if wording.any else ""
            found = doctor.diagnose(f"{guard}\n{case.types[0]}: {wording.text[: int(0.8 * len(wording.text))]}").case
            assert found in (case.id, None), wording.text
            right.append(found == case.id)
    assert len(right) >= 70 and sum(right) >= 0.9 * len(right)


def test_what_a_line_of_the_program_raises_counts_only_where_no_exception_follows():
    shown = '---> 7   raise ValueError("Attempting to unscale FP16 gradients.")\n'
    assert read(shown + "KeyError: 'price'").last.type == "KeyError"
    assert read(shown).last.type == "ValueError"


@pytest.mark.parametrize(
    ("report", "case"),
    [
        ("RuntimeError： 加载 PeftModel 的 state_dict 出错：embed_tokens.weight 大小不匹配", "size_mismatch"),  # noqa: RUF001
        ("TypeError：SFTTrainer 的 __init__ 得到意外的关键字参数 tokenizer", "unexpected_keyword_argument"),  # noqa: RUF001
        ("ImportError：无法从 peft 导入名称 get_peft_state", "name_moved_between_versions"),  # noqa: RUF001
        ("RuntimeError: 预期所有张量都在同一设备上，但发现至少两个设备", "tensors_on_different_devices"),  # noqa: RUF001
        ("torch.cuda.OutOfMemoryError：显存不足", "out_of_memory"),  # noqa: RUF001
        ("KeyError：价格 大小不匹配", None),  # noqa: RUF001
    ],
)
def test_a_message_that_was_translated(report, case):
    assert doctor.diagnose(report).case == case


LIGHTNING = "TypeError: Trainer.__init__() got an unexpected keyword argument 'progress_bar_refresh_rate'"


@pytest.mark.parametrize(
    ("report", "case"),
    [
        ("TypeError: MyTrainer._save_checkpoint() got an unexpected keyword argument 'metrics'", True),
        ("TypeError: VisionTrainer.training_step() takes 3 positional arguments but 4 were given", True),
        ("TypeError: MyTrainer.log() takes 2 positional arguments but 3 were given", True),
        ("TypeError: OwnTrainer._save() missing 1 required positional argument: 'state_dict'", True),
        ("TypeError: PeftModelForCausalLM.forward() got an unexpected keyword argument 'labels'", True),
        ("TypeError: Trainer.__init__() got an unexpected keyword argument 'model_flavour'", True),
        (LIGHTNING, False),
        ("TypeError: Trainer.__init__() got an unexpected keyword argument 'gpus'", False),
        ("TypeError: Trainer.fit() got an unexpected keyword argument 'train_dataloader'", False),
        (
            "from pytorch_lightning import Trainer\nTypeError: Trainer.test() takes 2 positional arguments but 3 were",
            False,
        ),
        (
            "File \"/x/detectron2/engine/trainer.py\", line 3\nTypeError: f() got an unexpected keyword argument 'x'",
            False,
        ),
        ("the trainer. It said: TypeError: run() got an unexpected keyword argument 'x'", False),
    ],
)
def test_methods_of_a_trainer_of_ones_own_and_trainers_of_other_frameworks(report, case):
    assert doctor.diagnose(report).case == ("unexpected_keyword_argument" if case else None)


def test_a_wave_stands_for_the_rest_of_one_name():
    wording = catalogue.wording("trainer.~() got")
    assert list(wording.find(read("MyTrainer._save_x() got y"))) and not list(
        wording.find(read("trainer, f() got y; g() got"))
    )
    with pytest.raises(ValueError, match="around each"):
        catalogue.wording("~() got")


FRAMED = {
    "transformers/integrations/deepspeed.py: deepspeed_load_checkpoint": "checkpoint_not_resumable",
    "transformers/tokenization_utils_base.py: get_chat_template": "no_chat_template",
    "transformers/utils/chat_template_utils.py: raise_exception": "roles_must_alternate",
    "transformers/tokenization_utils_base.py: convert_to_tensors": "ragged_batch",
    "transformers/utils/import_utils.py: check_torch_load_is_safe": "torch_load_refused",
    "transformers/quantizers/quantizer_bnb_4bit.py: validate_environment": "bitsandbytes_unusable",
    "transformers/trainer_utils.py: validate_quantization_for_training": "purely_quantized_training",
    "huggingface_hub/file_download.py: _raise_on_head_call_error": "could_not_load_model",
    "peft/config.py: _get_peft_type": "unable_to_open_file",
    "peft/utils/save_and_load.py: load_peft_weights": "unable_to_open_file",
    "datasets/table.py: cast_table_to_schema": "dataset_schema",
    "torch/_inductor/cpp_builder.py: get_cpp_compiler": "no_c_compiler",
    "torch/cuda/__init__.py: _lazy_init": "cuda_not_available",
    "torch/cuda/__init__.py: set_device": "invalid_device_ordinal",
    "torch/distributed/fsdp/_flat_param.py: _validate_tensors_to_flatten": "fsdp_uniform_dtype",
    "transformers/trainer.py: _determine_best_metric": "early_stopping_misconfigured",
    "transformers/trainer.py: _remove_unused_columns": "missing_input_ids",
    "peft/tuners/lora/model.py: _create_new_module": "target_modules_not_found",
    "peft/utils/save_and_load.py: set_peft_model_state_dict": "size_mismatch",
    "safetensors/torch.py: load_file": "unable_to_open_file",
    "huggingface_hub/utils/_http.py: hf_raise_for_status": "could_not_load_model",
    "huggingface_hub/utils/_validators.py: validate_repo_id": "could_not_load_model",
    "datasets/packaged_modules/json/json.py: _generate_tables": "dataset_schema",
}


@pytest.mark.parametrize("place", FRAMED)
def test_the_place_says_it_where_the_message_is_missing(place):
    file, function = place.split(": ")
    frame = (
        f'Traceback (most recent call last):\n  File "/x/site-packages/{file}", line 9, in {function}\n    raise Err'
    )
    assert doctor.diagnose(frame).case == FRAMED[place]
    # With the exception's line, the place says nothing.
    assert doctor.diagnose(f"{frame}\nKeyError: 'my_column'").case is None


@pytest.mark.parametrize("place", FRAMED)
def test_the_installed_libraries_have_these_places(place):
    file, function = place.split(": ")
    library, _, path = file.partition("/")
    root = pathlib.Path(importlib.util.find_spec(library).origin).parent
    assert f"def {function}(" in (root / path).read_text(encoding="utf-8")


IPYTHON = """AttributeError                            Traceback (most recent call last)
~/.cache/huggingface/modules/x/modeling_x.py in prepare_inputs(self, past_key_values)
     10     length = past_key_values.get_seq_length()
---> 11     longest = past_key_values.get_max_length()
     12 else:
"""
# What was called says it where the text ends with the program's line: (the line, the frame above it, the case).
CALLED = [
    ("zip_file.write_record(name, storage, n)", "torch/serialization.py, _save", "disk_full"),
    ("torch.cuda.set_device(local_rank)", "train.py, main", "invalid_device_ordinal"),
    ("next_tokens = torch.multinomial(probs, 1)", "transformers/generation/utils.py, _sample", "loss_is_nan"),
    ("raise ValueError(", "torch/amp/grad_scaler.py, _unscale_grads_", "fp16_gradients_unscaled"),
    ("raise ValueError(", "transformers/trainer.py, compute_loss", "no_loss_returned"),
    ("peft_helper.validate_legal(self.lora_config)", "vllm/lora/worker_manager.py, _load_adapter", "max_lora_rank"),
    ("self.data[key]", "pandas/core/frame.py, get", None),
    ("return forward_call(*args, **kwargs)", "torch/nn/modules/module.py, _call_impl", None),
    ("raise ValueError(", "my/loader.py, compute_loss", None),
]


@pytest.mark.parametrize("marked", [False, True])
@pytest.mark.parametrize(("line", "frame", "case"), CALLED)
def test_the_line_that_a_traceback_ends_with(line, frame, case, marked):
    file, function = frame.split(", ")
    told = f'Traceback (most recent call last):\n  File "/x/{file}", line 9, in {function}\n    {line}\n'
    told += "    ^^^^^^^~~~~~~^^\n" if marked else ""
    assert doctor.diagnose(told).case == case
    # With an exception below it, the line says nothing.
    assert doctor.diagnose(f"{told}KeyError: 'price'").case is None


def test_of_the_lines_around_it_only_the_one_that_is_pointed_at_counts():
    assert doctor.diagnose(IPYTHON).case == "cache_attribute_removed"
    assert read(IPYTHON).shown == ("longest = past_key_values.get_max_length()",)
    moved = IPYTHON.replace("---> 11", "     11").replace("     10", "---> 10")
    assert doctor.diagnose(moved).case is None


ROW = "  File \"/x/train.py\", line 3, in get\n    return row['answer']\nKeyError: 'answer'\n"


@pytest.mark.parametrize(
    ("report", "case"),
    [
        ("while fine-tuning: self.data[index]['answer'] fails\n" + ROW, "missing_input_ids"),
        ("微调时 examples['answer'][i] 报错\n" + ROW, "missing_input_ids"),
        ("our shop: self.data[index]['answer'] fails\n" + ROW, None),
        ("while fine-tuning with pandas: self.data[index]['answer'] fails\n" + ROW, None),
        ("while fine-tuning\nKeyError: 'answer'", None),
    ],
)
def test_a_row_without_a_column_that_the_script_asks_for(report, case):
    assert doctor.diagnose(report).case == case


# What torch's own Python says, | where its source breaks the text in two.
TORCH_SAYS = [
    (
        "utils/checkpoint.py",
        "none of output has requires_grad=True,| this checkpoint() is not necessary",
        "no_grad_on_element_0",
    ),
    ("amp/grad_scaler.py", "No inf checks were recorded for this optimizer.", "no_grad_on_element_0"),
    ("optim/optimizer.py", "optimizer got an empty parameter list", "no_grad_on_element_0"),
    ("cuda/__init__.py", "PyTorch was compiled without CUDA support", "cuda_not_available"),
    ("distributed/distributed_c10d.py", "Timed out initializing process group", "collective_timeout"),
]


@pytest.mark.parametrize(("file", "message", "case"), TORCH_SAYS)
def test_what_torch_itself_says(file, message, case):
    root = pathlib.Path(importlib.util.find_spec("torch").origin).parent
    source = (root / file).read_text(encoding="utf-8")
    assert all(piece in source for piece in message.split("|"))
    assert doctor.diagnose(f"RuntimeError: {message.replace('|', '')}").case == case
