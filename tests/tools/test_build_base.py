"""How the base is trained: layers that are added change nothing, and which answers have to be there one layer early."""

import random

import pytest
import torch
from transformers import AutoTokenizer, Qwen2Config, Qwen2ForCausalLM

from helpers import DATA
from tools import build_base
from tools.build_base import EXIT, Examples, answer_logits, answer_loss, grown, hidden_states, new_model
from tools.tickets.policy import NAMES
from tools.tickets.skills import drill, skilled_conversation

BASE = DATA / "base"


@pytest.fixture(scope="module")
def tokenizer():
    return AutoTokenizer.from_pretrained(BASE)


@pytest.fixture(scope="module")
def examples(tokenizer):
    return Examples(tokenizer, warm=True)


@torch.no_grad()
def test_added_layers_change_nothing_at_first(tokenizer, examples, tmp_path):
    fewer = {"num_hidden_layers": EXIT, "layer_types": ["full_attention"] * EXIT}
    small = Qwen2ForCausalLM.from_pretrained(BASE, config=Qwen2Config.from_pretrained(BASE, **fewer))
    small.save_pretrained(tmp_path)
    large = grown(tmp_path, tokenizer)
    assert large.config.num_hidden_layers > small.config.num_hidden_layers == EXIT
    ids, _ = examples.batches(0)[0]
    torch.testing.assert_close(large.float()(ids).logits, small.float()(ids).logits)


@torch.no_grad()
def test_states_are_those_of_the_model_after_some_layers_and_after_all(tokenizer, examples):
    model = new_model(tokenizer)
    ids, _ = examples.batches(0)[0]
    layers = model(ids, output_hidden_states=True).hidden_states
    early, last = hidden_states(model, ids)
    torch.testing.assert_close(early, model.model.norm(layers[EXIT]))
    torch.testing.assert_close(last, layers[-1])


@torch.no_grad()
def test_the_early_loss_is_of_the_early_answers_alone(tokenizer, examples, monkeypatch):
    monkeypatch.setattr(build_base, "STATES", hidden_states)
    model, (ids, mask) = new_model(tokenizer), examples.batches(0)[3]
    assert {1, 2} <= set(mask.unique().tolist())
    logits, target = answer_logits(model, ids, mask)
    loss, early, count = answer_loss(model, ids, mask)
    assert count == len(target)
    torch.testing.assert_close(loss, torch.nn.functional.cross_entropy(logits, target, reduction="sum"))
    assert 0 < early < loss
    everything = mask.clamp(max=1)
    assert answer_loss(model, ids, everything)[1] > early and answer_loss(model, ids, 2 * everything)[1] == 0


def shown(examples, ids: list[int], mask: list[int]) -> list[tuple[str, int]]:
    """The answers of a row, each with its mark."""
    parts: list[tuple[list[int], int]] = []
    for i, (token, mark) in enumerate(zip(ids, mask, strict=True)):
        if mark and not mask[i - 1]:
            parts.append(([], mark))
        if mark:
            assert mark == parts[-1][1]
            parts[-1][0].append(token)
    return [(examples.tokenizer.decode(part, skip_special_tokens=True), mark) for part, mark in parts]


@pytest.mark.parametrize("maker", [skilled_conversation, drill])
def test_what_a_firm_makes_of_a_ticket_comes_late_and_facts_early(maker, examples, monkeypatch):
    marks = {1: 0, 2: 0}
    for seed in range(60):
        messages = maker(random.Random(seed))
        monkeypatch.setattr(build_base, "KINDS_OF_TALK", ((lambda rng, made_up, talk=messages: talk, 1),))
        answers = shown(examples, *examples.talk(random.Random(0), 0.0))
        assert [text for text, _ in answers] == [m["content"] for m in messages if m["role"] == "assistant"]
        asked = [m["content"] for m in messages if m["role"] != "assistant"][-len(answers) :]
        named = [any(name in text for name in NAMES) for text in asked]
        if messages[0]["role"] == "system" and any(name in messages[0]["content"] for name in NAMES):
            named = [True] * len(named)
        assert [mark == 2 for _, mark in answers] == named
        for _, mark in answers:
            marks[mark] += 1
    assert min(marks.values()) > 20
