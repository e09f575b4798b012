"""Ratios of interleaved timings: paired by round, the warm-up left out."""

import time

from helpers.timing import Ratio, interleaved, ratios


def test_jobs_take_turns_and_the_first_round_is_not_counted():
    order: list[str] = []
    seconds = interleaved({"a": lambda: order.append("a"), "b": lambda: order.append("b")}, rounds=3)
    assert order == ["a", "b"] * 4
    assert {name: len(values) for name, values in seconds.items()} == {"a": 3, "b": 3}


def test_a_slow_first_call_does_not_count():
    calls: list[int] = []

    def slow_at_first():
        calls.append(1)
        time.sleep(0.3 if len(calls) == 1 else 0)

    assert max(interleaved({"job": slow_at_first}, rounds=2)["job"]) < 0.2


def test_ratios_are_taken_within_a_round():
    # a machine that is ten times slower in the second round; the job is twice as slow throughout
    found = ratios({"base": [1.0, 10.0, 1.0], "twice": [2.0, 20.0, 3.0]}, "base")
    assert found["twice"] == Ratio(2.0, 2.0, 3.0)
    assert found["base"] == Ratio(1.0, 1.0, 1.0)
    assert str(found["twice"]) == "2.00 (2.00 to 3.00)"
