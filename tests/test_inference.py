"""Generating with what training leaves switched on: checkpointing in training mode, caches turned off."""

import pytest

from helpers import models, profiles
from helpers.chats import read_questions
from helpers.course import QUESTIONS
from helpers.inference import generate
from helpers.quiet import listen

PROFILE = profiles.select("tiny")
PROMPTS = [question["messages"] for question in read_questions(QUESTIONS)[:4]]


@pytest.fixture(scope="module")
def tokenizer():
    return models.load_tokenizer(PROFILE.model)


@pytest.fixture(scope="module")
def usual(tokenizer):
    return generate(models.load_base(PROFILE, quantize=False).eval(), tokenizer, PROMPTS, max_new_tokens=12)


def left_by_training():
    model = models.load_base(PROFILE, quantize=False)
    model.activation_checkpointing_enable()
    model.config.use_cache = model.generation_config.use_cache = False
    return model.train()


def test_answers_are_the_usual_ones_with_everything_left_on(tokenizer, usual):
    model = left_by_training()
    assert generate(model, tokenizer, PROMPTS, max_new_tokens=12) == usual
    assert model.training  # as it was


def test_without_eval_the_library_answers_otherwise(tokenizer, usual):
    model, answers = left_by_training(), []
    model.generation_config.use_cache = None

    def ask():
        for prompt in PROMPTS:
            batch = tokenizer.apply_chat_template(
                prompt, add_generation_prompt=True, return_dict=True, return_tensors="pt"
            )
            out = model.generate(**batch, max_new_tokens=12)
            answers.append(tokenizer.decode(out[0, batch["input_ids"].shape[1] :], skip_special_tokens=True))

    said = listen(ask)
    assert len(answers) == len(PROMPTS) and answers != usual
    assert any("incompatible with gradient checkpointing" in line for line in said)


def test_without_a_cache_each_step_sends_the_whole_text(tokenizer):
    model, sent = models.load_base(PROFILE, quantize=False).eval(), []
    model.get_input_embeddings().register_forward_hook(lambda layer, args, out: sent.append(args[0].shape[1]))
    batch = tokenizer(["one two three"], return_tensors="pt")
    start = batch["input_ids"].shape[1]
    for off, expected in ((False, [start, 1, 1]), (True, [start, start + 1, start + 2])):
        sent.clear()
        model.generation_config.use_cache = False if off else None
        model.generate(**batch, min_new_tokens=3, max_new_tokens=3)
        assert sent == expected
