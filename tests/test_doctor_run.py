"""Each cause of a run that does not learn is made to happen with the real libraries, and is named; healthy runs get no
name, and looking at a run changes nothing in it."""

from contextlib import redirect_stdout
from dataclasses import replace
from functools import partial
from io import StringIO

import pytest
import torch
from peft import PeftModel, get_peft_model
from torch.utils.checkpoint import checkpoint
from transformers import DataCollatorForSeq2Seq, Trainer, TrainerCallback, TrainingArguments, default_data_collator
from trl import SFTTrainer

from helpers import DATA, profiles
from helpers.chats import read_chat, to_dataset
from helpers.doctor.run import examine_run, findings
from helpers.doctor.run_facts import measure
from helpers.errors import InputError
from helpers.models import load_base, load_tokenizer
from helpers.training import lora_config, sft_config

PROFILE = replace(profiles.select("tiny"), quantize=False)
RATE = 3e-3


@pytest.fixture(scope="module")
def rows():
    """The 64 shortest tickets."""
    return sorted(read_chat(DATA / "tickets" / "clean.jsonl"), key=lambda row: len(str(row)))[:64]


@pytest.fixture(scope="module")
def tokenizer():
    return load_tokenizer(PROFILE.model)


def adapted(**overrides):
    torch.manual_seed(0)
    return get_peft_model(load_base(PROFILE), lora_config(PROFILE, **overrides))


def sft(folder, rows, model=None, steps=12, callbacks=(), **overrides):
    """An SFTTrainer after `steps` steps of 4 rows, each logged."""
    settings = dict(
        max_steps=steps, per_device_train_batch_size=4, logging_steps=1, disable_tqdm=True, warmup_steps=0,
        lr_scheduler_type="constant", learning_rate=RATE,
    )  # fmt: skip
    trainer = SFTTrainer(
        model or adapted(),
        sft_config(PROFILE, folder, **{**settings, **overrides}),
        train_dataset=to_dataset(rows),
        processing_class=load_tokenizer(PROFILE.model),
        callbacks=list(callbacks),
    )
    return trained(trainer)


def by_hand(folder, examples, collator, steps=3, model=None):
    """A plain Trainer after `steps` steps on rows that were tokenized by hand."""
    arguments = TrainingArguments(
        str(folder), max_steps=steps, per_device_train_batch_size=4, learning_rate=RATE, use_cpu=True,
        disable_tqdm=True, report_to="none", logging_steps=1, save_strategy="no", remove_unused_columns=False,
    )  # fmt: skip
    return trained(
        Trainer(
            model or adapted(),
            arguments,
            train_dataset=examples,
            data_collator=collator,
            processing_class=load_tokenizer(PROFILE.model),
        )
    )


def trained(trainer):
    if trainer.args.max_steps:
        with redirect_stdout(StringIO()):
            trainer.train()
    return trainer


def causes(trainer):
    return [finding.cause for finding in examine_run(trainer)]


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1])
def test_a_healthy_run_gets_no_name(tmp_path, rows, seed):
    trainer = sft(tmp_path, rows, seed=seed)
    assert causes(trainer) == []
    facts = measure(trainer)
    assert facts.gradients.reached == facts.gradients.tensors == facts.gradients.optimized == facts.adapter.matrices
    assert facts.losses.end < 0.7 * facts.losses.first and facts.adapter.update_norm > 0
    assert 0.2 < facts.labels.graded_share < 0.8


@pytest.mark.slow
def test_a_healthy_run_with_checkpointing_gets_no_name(tmp_path, rows):
    for reentrant in (False, True):
        settings = dict(activation_checkpointing=True, activation_checkpointing_kwargs={"use_reentrant": reentrant})
        assert causes(sft(tmp_path, rows, steps=2, **settings)) == []


@pytest.mark.slow
def test_looking_at_a_running_trainer_changes_nothing(tmp_path, rows):
    """Dropout draws from the random state at each step, so that one draw too many would show."""
    seen = []

    class Look(TrainerCallback):
        def on_step_end(self, args, state, control, **kwargs):
            seen.append(examine_run(self.trainer))

    def weights(*callbacks):
        model = adapted(lora_dropout=0.2)
        for look in callbacks:
            look.trainer = None
        trainer = SFTTrainer(
            model,
            sft_config(PROFILE, tmp_path, max_steps=3, per_device_train_batch_size=4, disable_tqdm=True),
            train_dataset=to_dataset(rows),
            processing_class=load_tokenizer(PROFILE.model),
            callbacks=list(callbacks),
        )
        for look in callbacks:
            look.trainer = trainer
        trained(trainer)
        return {name: p.detach().clone() for name, p in model.named_parameters() if p.requires_grad}

    alone, watched = weights(), weights(Look())
    assert seen == [[], [], []]
    assert all(torch.equal(alone[name], watched[name]) for name in alone)


def test_before_the_first_step_labels_and_gradients_are_judged(tmp_path, rows):
    assert causes(sft(tmp_path, rows, steps=0)) == []


@pytest.mark.slow
def test_rate_too_high(tmp_path, rows):
    assert causes(sft(tmp_path, rows, learning_rate=0.1)) == ["rate too high"]


@pytest.fixture(scope="module")
def no_longer_finite(tmp_path_factory, rows):
    return sft(tmp_path_factory.mktemp("run"), rows, learning_rate=1e8)


@pytest.mark.slow
def test_a_run_that_is_no_longer_finite_says_so(no_longer_finite):
    (finding,) = examine_run(no_longer_finite)
    assert finding.cause == "rate too high" and "not finite" in finding.evidence


@pytest.mark.slow
def test_rate_too_low(tmp_path, rows):
    assert causes(sft(tmp_path, rows, learning_rate=1e-6)) == ["rate too low"]


@pytest.mark.slow
def test_rate_of_zero_leaves_the_adapter_untouched(tmp_path, rows):
    assert causes(sft(tmp_path, rows, steps=3, learning_rate=0.0)) == ["adapter untouched"]


@pytest.mark.slow
def test_adapter_that_the_optimizer_does_not_hold(tmp_path, rows):
    trainer = sft(tmp_path, rows, steps=0)
    trainer.args.max_steps = 3
    trainer.create_optimizer()
    trainer.model.add_adapter("second", lora_config(PROFILE))
    trainer.model.set_adapter("second")
    assert causes(trained(trainer)) == ["adapter not in the optimizer"]
    assert not any(p.any() for name, p in trainer.model.named_parameters() if "lora_B.second" in name)


@pytest.mark.slow
def test_adapter_loaded_for_inference(tmp_path, rows):
    """With checkpointing the trainer gives the embeddings' output a gradient: nothing raises, nothing is learned."""
    adapted().save_pretrained(tmp_path / "adapter")
    model = PeftModel.from_pretrained(load_base(PROFILE), tmp_path / "adapter")
    trainer = sft(tmp_path, rows, model, steps=2, activation_checkpointing=True)
    assert {entry["grad_norm"] for entry in trainer.state.log_history if "loss" in entry} == {0.0}
    assert causes(trainer) == ["nothing trainable"]


@pytest.mark.slow
def test_adapter_merged_into_the_base(tmp_path, rows):
    model = adapted()
    model.merge_adapter()
    assert causes(sft(tmp_path, rows, model, steps=2, activation_checkpointing=True)) == ["no gradient"]


@pytest.mark.parametrize("trainable_norm", [True, False])
def test_reentrant_checkpointing_with_frozen_inputs(tmp_path, rows, trainable_norm):
    """With a trainable layer behind the blocks nothing raises; without one, torch does."""
    model = adapted(modules_to_save=["norm"] if trainable_norm else None)
    model._set_gradient_checkpointing(True, partial(checkpoint, use_reentrant=True))
    with pytest.warns(UserWarning, match="None of the inputs have requires_grad"):
        trainer = sft(tmp_path, rows, model, steps=2 if trainable_norm else 0)
        if not trainable_norm:
            trainer.args.max_steps = 2
            with pytest.raises(RuntimeError, match="element 0 of tensors"):
                trained(trainer)
    assert causes(trainer) == ["checkpointing with frozen inputs"]


def examples(tokenizer, rows, text, label):
    """Rows tokenized by hand from `text(messages)`; `label(ids)` makes the labels."""
    encoded = [tokenizer(text(row["messages"]))["input_ids"] for row in rows]
    return [{"input_ids": ids, "labels": label(ids)} for ids in encoded]


def test_labels_all_masked(tmp_path, rows, tokenizer):
    made = examples(tokenizer, rows, partial(tokenizer.apply_chat_template, tokenize=False), lambda i: [-100] * len(i))
    trainer = by_hand(tmp_path, made, DataCollatorForSeq2Seq(tokenizer))
    assert causes(trainer) == ["labels all masked"]


def alpaca(messages):
    return "### Instruction:\n{}\n\n### Input:\n{}\n\n### Response:\n{}".format(*(m["content"] for m in messages))


def test_wrong_template(tmp_path, rows, tokenizer):
    made = examples(tokenizer, rows, alpaca, list)
    assert causes(by_hand(tmp_path, made, DataCollatorForSeq2Seq(tokenizer))) == ["wrong template"]


def test_answers_without_an_end(tmp_path, rows, tokenizer):
    def text(messages):
        return tokenizer.apply_chat_template(messages[:-1], tokenize=False, add_generation_prompt=True) + "{}"

    def label(ids):
        return [-100] * (len(ids) - 1) + ids[-1:]

    made = examples(tokenizer, rows, text, label)
    assert causes(by_hand(tmp_path, made, DataCollatorForSeq2Seq(tokenizer))) == ["no end of turn"]


def test_graded_padding(tmp_path, rows, tokenizer):
    def padded(row):
        text = tokenizer.apply_chat_template(row["messages"], tokenize=False)
        encoded = tokenizer(text, padding="max_length", max_length=256)
        return {**encoded, "labels": list(encoded["input_ids"])}

    trainer = by_hand(tmp_path, [padded(row) for row in rows[:8]], default_data_collator, steps=1)
    assert causes(trainer) == ["padding graded"]


@pytest.mark.slow
def test_float16_overflow_is_not_blamed_on_the_rate(no_longer_finite):
    facts = measure(no_longer_finite)
    (finding,) = findings(replace(facts, adapter=replace(facts.adapter, float16=True)))
    assert finding.cause == "float16 overflow"


def test_rows_that_are_not_tokenized_are_refused(tmp_path, rows):
    trainer = sft(tmp_path, rows, steps=0)
    trainer.train_dataset = rows
    with pytest.raises(InputError, match="not tokenized"):
        examine_run(trainer)
