"""Descriptions that no wording names: the case that they are most like, if they tell of a fault."""

import pytest

from helpers import doctor
from helpers.doctor import catalogue, diagnosis, likeness, prose
from helpers.doctor.catalogue import plain
from helpers.doctor.reading import read

ALIKE = [
    ("Without wandb's API key the trainer stops", "wandb_without_key"),
    (
        "My LoRA training stops: torchvision was built for another torch, its operators are missing",
        "torchvision_mismatch",
    ),
]
MATTERS = [
    ("Which padding token would you take for a Llama tokenizer that has none?", None),
    ("I hope that flash attention comes to the T4 one day, without it this is no fun", None),
    ("Could you clarify why the adapter is merged into the base model?", None),
]


@pytest.mark.parametrize(("said", "case"), [*ALIKE, *MATTERS])
def test_a_fault_is_named_by_likeness_and_a_question_or_a_wish_is_not(said, case):
    assert doctor.diagnose(said).case == case


def test_two_cases_that_are_as_like_name_none(monkeypatch):
    said = ALIKE[1][0]
    given = read(said)
    monkeypatch.setattr(diagnosis, "MARGIN", 1.0)
    assert diagnosis.by_likeness(given)
    monkeypatch.setattr(diagnosis, "MARGIN", 100.0)
    assert not diagnosis.by_likeness(given)


def test_the_most_like_case_is_found_in_either_language():
    for said, case in (
        ("the saved weights of the adapter are of another shape than the model's", "size_mismatch"),
        ("保存的适配器词表大小和模型的不一致", "size_mismatch"),
    ):
        first = likeness.ranked([plain(said)], doctor.load())[0]
        assert first[1].id == case and 0 < first[0] < 1


def test_terms_are_words_without_endings_parts_of_names_pairs_of_characters_and_concepts():
    found = likeness.terms(plain("The pad_token is lacking, 没有填充"))
    assert {"pad_token", "pad", "token", "填充", "@missing"} <= set(found) and "the" not in found


def test_a_concept_stands_for_its_words_in_a_symptom():
    symptom = catalogue.symptom("adapter & @stuck")
    for said in ("the adapter hangs", "加载 adapter 卡死"):
        assert list(symptom.find(plain(said)))
    assert not list(symptom.find(plain("the adapter loads")))
    with pytest.raises(KeyError):
        catalogue.symptom("adapter & @no_such_concept")


def test_every_place_of_a_symptom_counts_not_the_first_alone():
    said = "What does nan loss mean in general? With my LoRA run the loss is nan from step 3 on."
    assert len(list(catalogue.symptom("loss & nan").find(plain(said)))) > 1
    assert doctor.diagnose(said).case == "loss_is_nan"


def test_of_two_described_cases_the_one_that_is_far_more_like_it_counts_though_it_comes_later():
    said = "微调后的 tokenizer_config.json 中没有 chat_template"
    assert doctor.diagnose(said).case == "no_chat_template"


@pytest.mark.parametrize(
    ("said", "finds"),
    [
        ("train.py stops: KeyError 'eval_loss' with load_best_model_at_end", True),
        ("train.py stops: KeyError `eval_loss` with load_best_model_at_end", True),
        ('{"name": "KeyError", "x": 1} load_best_model_at_end', False),
    ],
)
def test_an_exceptions_type_before_a_quoted_name_is_an_exception(said, finds):
    assert bool(read(said).headers) is finds and ("keyerror: eval_loss" in read(said).flat) is finds
    assert (doctor.diagnose(said).case == "early_stopping_misconfigured") is finds


def test_zero_is_found_with_its_places_and_not_in_another_number():
    is_zero = catalogue.symptom("loss & is 0")
    assert list(is_zero.find(plain("the loss is 0.0"))) and list(is_zero.find(plain("the loss is 0.000 always")))
    assert not list(is_zero.find(plain("the loss is 0.8"))) and not list(is_zero.find(plain("the loss is 0.05")))


def test_a_word_that_must_not_be_near():
    is_zero = catalogue.symptom("loss & is 0 & !reward|grpo")
    assert list(is_zero.find("the loss is 0")) and not list(is_zero.find("in grpo the loss is 0"))
    with pytest.raises(ValueError, match="needs words"):
        catalogue.symptom("!reward")


def test_a_number_in_a_longer_one_is_not_the_number():
    assert not list(catalogue.symptom("dataset & 0 examples").find(plain("a dataset of 4000 examples")))


@pytest.mark.parametrize(
    "said",
    [
        "I got a nan loss when I trained my model\nimport tensorflow.keras as keras",
        "nvidia-container-cli: initialization error, no CUDA GPU is available to train",
        "Ollama will run in CPU-only mode, no GPU was found",
    ],
)
def test_descriptions_of_other_software_are_given_no_name(said):
    assert doctor.diagnose(said).case is None


def test_no_longer_is_good_news_of_a_fault_only():
    assert prose.settled(["the error no longer appears"])
    assert not prose.settled(["we no longer have a linear layer to adapt"])


def test_a_sentence_with_code_in_it_is_a_persons():
    said = plain("AutoModelForCausalLM.from_pretrained(config['a'].b, **c) cannot load my Qwen2-VL model any more")
    assert prose.spoken(said)
    assert not prose.spoken(plain("model = AutoModelForCausalLM.from_pretrained(config['a'].b, **c)"))
