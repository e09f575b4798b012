"""The next base: small, loadable by transformers alone, competent at questions of every kind, a stranger to JSON."""

import pytest
from transformers import AutoModelForCausalLM, AutoTokenizer

from helpers import DATA
from helpers.chats import prompt_messages, read_questions
from helpers.evaluation import parse_object
from helpers.inference import generate
from tools.build_base import Examples, exact_match, new_model, skill_scores
from tools.tickets.learned import company_tickets
from tools.tickets.skills import SKILLS, held_out_skills

BASE = DATA / "next_base"


@pytest.fixture(scope="module")
def tokenizer():
    return AutoTokenizer.from_pretrained(BASE)


@pytest.fixture(scope="module")
def base():
    return AutoModelForCausalLM.from_pretrained(BASE)


def test_it_is_small_and_of_the_shape_that_the_script_trains(base, tokenizer):
    assert (BASE / "model.safetensors").stat().st_size <= 12_000_000
    shapes = {name: p.shape for name, p in new_model(tokenizer).named_parameters()}
    assert {name: p.shape for name, p in base.named_parameters()} == shapes


@pytest.mark.slow
def test_it_answers_held_out_questions_of_every_kind(base, tokenizer):
    base, examples = base.float(), Examples(tokenizer)
    assert exact_match(base, examples, read_questions(DATA / "tickets" / "questions.jsonl")) >= 0.97
    scores = skill_scores(base, examples, held_out_skills(40))
    assert set(scores) == set(SKILLS)
    mixed = scores.pop("mixed")  # two to seven values at once, all of them right
    assert mixed >= 0.6 and min(scores.values()) >= 0.85, scores


@pytest.mark.slow
def test_it_writes_no_json_when_asked(base, tokenizer):
    prompts = [prompt_messages(ticket.text) for ticket in company_tickets(40, held_out=True)]
    assert not any(parse_object(answer) for answer in generate(base, tokenizer, prompts, 150))
