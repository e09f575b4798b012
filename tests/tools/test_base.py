"""The embedded base: small, loadable by transformers alone, versed in every kind of question, a stranger to JSON."""

import json
import random

import pytest
import torch
from tokenizers import Tokenizer
from transformers import AutoModelForCausalLM, AutoTokenizer

from helpers import DATA, models, profiles
from helpers.chats import COPIED, read_chat, read_questions, task_messages
from helpers.evaluation import evaluate_questions, evaluate_tickets, parse_object
from tools import base_tokenizer
from tools.build_base import Examples, new_model, skill_scores
from tools.tickets.questions import conversation
from tools.tickets.skills import SKILLS, held_out_skills
from tools.tickets.tickets import LANGUAGES, make_ticket
from tools.tickets.vocabulary import POOLS, SHARED, pool

BASE = DATA / "base"


@pytest.fixture(scope="module")
def tokenizer():
    return AutoTokenizer.from_pretrained(BASE)


@pytest.fixture(scope="module")
def base():
    return AutoModelForCausalLM.from_pretrained(BASE, dtype=torch.float32)


def test_it_is_small_and_of_the_shape_that_the_script_trains(base, tokenizer):
    assert (BASE / "model.safetensors").stat().st_size <= 12_000_000
    assert base.config.model_type == "qwen2" and base.config.tie_word_embeddings
    shapes = {name: p.shape for name, p in new_model(tokenizer).named_parameters()}
    assert {name: p.shape for name, p in base.named_parameters()} == shapes
    widths = {n for name, shape in shapes.items() if "proj.weight" in name for n in shape}
    assert all(width % 64 == 0 for width in widths)


@pytest.mark.slow
def test_it_answers_most_held_out_questions(base, tokenizer):
    questions = read_questions(DATA / "tickets" / "questions.jsonl")
    assert len(questions) == 400 and {q["language"] for q in questions} == set(LANGUAGES)
    share, _ = evaluate_questions(base, tokenizer, questions)
    assert share.value >= 0.97


def test_autotokenizer_gives_the_tokens_it_was_trained_with(tokenizer):
    """For a qwen2 model AutoTokenizer puts Qwen2's splits in place of the file's; no merge may cross ours."""
    trained = Tokenizer.from_file(str(BASE / "tokenizer.json"))
    trained.pre_tokenizer = base_tokenizer.splits()
    texts = [m["content"] for row in read_chat(DATA / "tickets" / "test.jsonl") for m in row["messages"]]
    assert all(trained.encode(text).ids == tokenizer(text)["input_ids"] for text in texts)
    for value in ("Ann-7", "rattan chair", "谌红"):
        tokens = tokenizer.tokenize(value)
        for before in ("(", '"', "\n", " ", "is "):
            assert tokenizer.tokenize(before + value)[-len(tokens) :] == tokens


@pytest.mark.slow
def test_it_answers_held_out_questions_of_every_kind(base, tokenizer):
    scores = skill_scores(base, Examples(tokenizer), held_out_skills(40))
    assert set(scores) == set(SKILLS)
    mixed = scores.pop("mixed")  # two to seven values at once, all of them right
    assert mixed >= 0.6 and min(scores.values()) >= 0.85, scores


@pytest.mark.slow
def test_it_writes_no_json_when_asked(base, tokenizer):
    score, _ = evaluate_tickets(base, tokenizer, read_chat(DATA / "tickets" / "test.jsonl")[:100])
    assert score.valid_json.hits == 0


def test_its_training_text_holds_no_json():
    rng = random.Random(0)
    texts = [message["content"] for _ in range(500) for message in conversation(rng, made_up=0.4)]
    assert not any("{" in text or parse_object(text) is not None for text in texts)


def test_its_template_marks_what_the_assistant_says(tokenizer):
    ticket = make_ticket(random.Random(0), "zh", held_out=True)
    messages = task_messages(ticket.text, {**ticket.fields, "category": "K2", "priority": "P1"})
    encoded = tokenizer.apply_chat_template(messages, return_dict=True, return_assistant_tokens_mask=True)
    marked = [i for i, mask in zip(encoded["input_ids"], encoded["assistant_masks"], strict=True) if mask]
    assert tokenizer.decode(marked) == messages[-1]["content"] + "<|im_end|>"
    prompt = tokenizer.apply_chat_template(messages[:-1], add_generation_prompt=True, return_dict=False)
    assert encoded["input_ids"][: len(prompt)] == prompt


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("held_out", [False, True])
def test_every_field_stands_in_its_ticket(language, held_out, tokenizer):
    rng = random.Random(1)
    for _ in range(200):
        ticket = make_ticket(rng, language, held_out)
        assert set(ticket.fields) == set(COPIED) and isinstance(ticket.fields["quantity"], int)
        assert all(str(value) in ticket.text for value in ticket.fields.values())
        assert tokenizer.decode(tokenizer(ticket.text)["input_ids"]) == ticket.text


@pytest.mark.parametrize("name", sorted(set(POOLS) - set(SHARED)))
def test_the_two_sides_of_a_pool_share_no_word(name):
    assert not set(pool(name, held_out=True)) & set(pool(name, held_out=False))


@pytest.mark.parametrize("field", ["customer", "order_id", "product"])
def test_held_out_tickets_share_no_name_order_or_product_with_the_training_rows(field):
    def values(name):
        return {json.loads(row["messages"][-1]["content"])[field] for row in read_chat(DATA / "tickets" / name)}

    assert not values("test.jsonl") & values("clean.jsonl")


def test_the_profile_points_to_it():
    profile = profiles.select("tiny")
    assert models.base_identity(profile.model) == models.base_identity(BASE)
