"""Scoring and reading: known answers get known scores, bad files are named with their line."""

import json

import pytest

from helpers import DATA, models, profiles
from helpers.chats import COPIED, FIELDS, LEARNED, answer_text, prompt_messages, read_chat
from helpers.errors import InputError
from helpers.evaluation import Share, parse_object, score_extraction
from helpers.inference import generate

COPY = {"customer": "Ann", "order_id": "A-1", "quantity": 3, "product": "lamp", "issue": "the lid is bent"}
TRUTH = {**COPY, "category": "K2", "priority": "P1"}


def test_a_right_answer_scores_in_full():
    score = score_extraction([answer_text(TRUTH)], [TRUTH])
    assert (score.valid_json.value, score.fields.value, score.exact_match.value) == (1, 1, 1)


@pytest.mark.parametrize(
    ("answer", "valid", "fields", "exact"),
    [
        ("Ann, A-1, 3", 0, 0, 0),
        ("3", 0, 0, 0),
        ("[]", 0, 0, 0),
        (answer_text(TRUTH) + " Anything else?", 0, 0, 0),
        (answer_text({**TRUTH, "customer": "Bob"}), 1, 6, 0),
        (answer_text({**TRUTH, "quantity": "3"}), 1, 6, 0),
        (answer_text({**TRUTH, "quantity": True}), 1, 6, 0),
        (json.dumps({**TRUTH, "extra": 1}), 1, 7, 0),
        (json.dumps({name: TRUTH[name] for name in reversed(FIELDS)}), 1, 7, 1),
    ],
)
def test_scores(answer, valid, fields, exact):
    score = score_extraction([answer], [TRUTH])
    assert (score.valid_json.hits, score.fields.hits, score.exact_match.hits) == (valid, fields, exact)
    assert score.fields.total == 7


def test_copied_and_learned_fields_are_counted_apart():
    score = score_extraction([answer_text({**TRUTH, "category": "E1"}), "{}"], [TRUTH, TRUTH])
    assert (score.over(COPIED).hits, score.over(COPIED).total) == (5, 10)
    assert (score.over(LEARNED).hits, score.over(LEARNED).total) == (1, 4)


def test_answers_and_truths_must_be_as_many():
    with pytest.raises(ValueError):
        score_extraction(["{}"], [])


def test_nested_nonsense_is_not_an_object():
    assert parse_object("[" * 100_000) is None


def test_interval_is_wilsons():
    low, high = Share(90, 100).interval
    assert (low, high) == pytest.approx((0.8256, 0.9448), abs=1e-3)


BAD = ["{", "[]", "1", '{"messages": []}', '{"messages": [{"role": "user"}]}', '{"text": "x"}']


@pytest.mark.parametrize("line", BAD)
def test_bad_rows_are_named_with_their_line(line, tmp_path):
    file = tmp_path / "rows.jsonl"
    good = {"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]}
    file.write_text(f"{json.dumps(good)}\n\n{line}\n", encoding="utf-8")
    with pytest.raises(InputError, match="rows.jsonl:3"):
        read_chat(file)


def test_missing_and_empty_files_are_named(tmp_path):
    with pytest.raises(InputError, match="there is no file"):
        read_chat(tmp_path / "nope.jsonl")
    (tmp_path / "empty.jsonl").write_text("\n", encoding="utf-8")
    with pytest.raises(InputError, match="holds no rows"):
        read_chat(tmp_path / "empty.jsonl")


def test_batched_generation_equals_one_by_one():
    """Left padding: the length of a neighbour must not change an answer."""
    profile = profiles.select("tiny")
    model, tokenizer = models.load_base(profile, quantize=False), models.load_tokenizer(profile.model)
    test = read_chat(DATA / "tickets" / "test.jsonl")[:6]
    prompts = [row["messages"][:-1] for row in test] + [prompt_messages("short")]
    batched = generate(model, tokenizer, prompts, max_new_tokens=24)
    assert batched == [generate(model, tokenizer, [prompt], max_new_tokens=24)[0] for prompt in prompts]
    assert tokenizer.padding_side == "right"
