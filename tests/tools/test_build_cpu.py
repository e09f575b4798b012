"""The cards of data/runs/cpu say what this machine says."""

import json

import pytest

from tools.build_cpu import CARDS, in_a_fresh_process


@pytest.mark.slow
def test_this_cpu_gives_the_outcomes_of_its_card():
    cards = [json.loads(path.read_text(encoding="utf-8")) for path in CARDS.glob("*.json")]
    by_kind = {card["avx512_bf16"]: card["outcomes"] for card in cards}
    kind, outcomes = in_a_fresh_process(pretend=False)
    assert outcomes == by_kind[kind]
    assert in_a_fresh_process(pretend=True) == (False, by_kind[False])
