"""The card of `make vllm-check`: of the base that is shipped, and with what notebook 21 says of it."""

import json

from helpers.models import base_identity
from helpers.profiles import PROFILES
from tools.vllm_check import CARD


def test_card_is_of_the_shipped_base_and_its_answers_are_those_of_generate():
    card = json.loads(CARD.read_text(encoding="utf-8"))
    assert card["made_from"] == {"base": base_identity(PROFILES["tiny"].model)}, "run make vllm-check"
    assert set(card["equal_answers"]) == {"merged", "base", "adapter", "base and adapter in one batch"}
    assert set(card["equal_answers"].values()) == {card["tickets"]} and card["tickets"] >= 100
    assert card["one_batch_without_a_free_place"]["equal"] < card["tickets"]  # else notebook 21 warns of nothing
    assert "DoRA" in card["dora_says"]
