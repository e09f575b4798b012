"""The table of drift is true of the installed libraries: the old is really refused, the new really taken."""

from dataclasses import replace

import pytest
from drift_gates import BASE, wrong_entries

from helpers.drift import table
from helpers.drift.table import Table

ENTRIES = table.load().entries
RENAMED = [entry for entry in ENTRIES if entry.kind in ("renamed", "deprecated") and entry.new]
GONE = [entry for entry in ENTRIES if not entry.argument and entry.kind in ("removed", "moved", "renamed")]


def only(*entries) -> Table:
    return Table(entries, {})


@pytest.fixture(scope="module", autouse=True)
def no_cuda_asked():
    """SFTConfig asks for bf16 by itself, which a machine without a GPU refuses: not what is looked at here."""
    from trl import SFTConfig

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("transformers.training_args.is_torch_bf16_gpu_available", lambda: True)
        assert SFTConfig
        yield


def test_every_entry_is_true_today(tmp_path):
    assert wrong_entries(table.load(), tmp_path) == []


def test_every_entry_says_what_to_do_and_how_it_is_known():
    for entry in ENTRIES:
        assert entry.new or entry.becomes or entry.advice or entry.drop or entry.kind == "default", entry
        assert entry.reference and entry.since, entry


def test_no_entry_hides_another():
    keys = [(name, entry.argument, entry.value, entry.kind == "default") for entry in ENTRIES for name in entry.object]
    assert len(keys) == len(set(keys))


def test_every_name_that_calls_return_is_there():
    from helpers.drift import libraries

    known = table.load()
    made = [made["class"] if isinstance(made, dict) else made for made in known.returns.values()]
    owners = [
        *made,
        *known.forwards,
        *known.forwards.values(),
        *known.attributes.values(),
        *(one["class"] for one in known.methods.values()),
    ]
    assert all(libraries.find(name) for name in owners if name != "self")


@pytest.mark.parametrize("entry", [e for e in RENAMED if e.argument and not e.value], ids=lambda e: e.argument)
def test_an_argument_entry_turned_round_is_red(entry, tmp_path):
    turned = replace(entry, argument=entry.new, new=entry.argument)
    assert entry.kind != "renamed" or wrong_entries(only(turned), tmp_path)


@pytest.mark.parametrize("entry", GONE, ids=lambda e: e.object[0])
def test_an_object_entry_about_something_that_is_there_is_red(entry, tmp_path):
    there = replace(entry, object=(entry.new,) if entry.new else ("transformers.Trainer",))
    assert wrong_entries(only(there), tmp_path)


def test_two_entries_with_their_new_names_swapped_are_red(tmp_path):
    first = next(e for e in ENTRIES if e.argument == "evaluation_strategy")
    second = next(e for e in ENTRIES if e.argument == "tokenizer")
    swapped = only(replace(first, new=second.new), replace(second, new=first.new))
    assert len(wrong_entries(swapped, tmp_path)) == 2


def test_a_default_that_is_not_todays_is_red(tmp_path):
    entry = next(e for e in ENTRIES if e.kind == "default" and e.argument == "return_dict")
    assert wrong_entries(only(replace(entry, now=entry.was)), tmp_path)


def test_defaults_and_silences_that_only_running_shows(tmp_path, caplog):
    import torch
    from datasets import load_dataset
    from transformers import AutoModelForCausalLM, TrainingArguments

    model = AutoModelForCausalLM.from_pretrained(BASE)
    assert model.dtype == torch.bfloat16 == AutoModelForCausalLM.from_pretrained(BASE, torch_dtype="bfloat16").dtype
    model.save_pretrained(tmp_path / "saved", safe_serialization=False)
    assert (tmp_path / "saved" / "model.safetensors").exists()
    assert TrainingArguments(str(tmp_path)).report_to == []
    (tmp_path / "rows.jsonl").write_text('{"a": 1}\n', encoding="utf-8")
    load_dataset("json", data_files=str(tmp_path / "rows.jsonl"), cache_dir=str(tmp_path / "c"), trust_remote_code=True)
    assert "not supported anymore" in caplog.text


def test_a_second_adapter_on_a_peft_model_is_refused(tmp_path):
    from datasets import Dataset
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM
    from trl import SFTConfig, SFTTrainer

    lora = LoraConfig(r=1, target_modules=["q_proj"])
    model = get_peft_model(AutoModelForCausalLM.from_pretrained(BASE), lora)
    arguments = SFTConfig(str(tmp_path), use_cpu=True, bf16=False)
    with pytest.raises(ValueError, match="PeftModel"):
        SFTTrainer(model, arguments, train_dataset=Dataset.from_list([{"text": "a"}]), peft_config=lora)
