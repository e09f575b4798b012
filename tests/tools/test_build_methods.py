"""The card of notebook 23: whole, made from what is shipped, its rates centred, and made anew where that is due."""

import json
import math
import re
from dataclasses import replace

import pytest

from helpers import methods
from helpers.methods import METHODS, best_rate, tried_rates
from tools import build_methods as build
from tools.build_methods import CHOOSING_SEEDS, GRID, SEEDS, START
from tools.ledger import read_notebooks

CARD = methods.read_card()


def incomplete(card: dict) -> list[str]:
    """What a card lacks, or has too much of: rates not centred, seeds, digits, another method's numbers."""
    wrong = []
    for method in METHODS:
        tried = tried_rates(card["choosing"])[method]
        if len(tried) < 3 or any(len(losses) != len(CHOOSING_SEEDS) for losses in tried.values()):
            wrong.append(f"{method}: fewer than three rates, or a seed is missing")
            continue
        if not min(tried) < best_rate(tried) < max(tried):
            wrong.append(f"{method}: the best rate is at an end")
        points = [point for point in card["points"] if point["method"] == method]
        if [(point["rate"], point["seed"]) for point in points] != [(best_rate(tried), seed) for seed in SEEDS]:
            wrong.append(f"{method}: not one point for each seed at the best rate")
    for point in card["points"]:
        sizes = (len(point["exact"]), len(point["questions"]), len(point["losses"]))
        if sizes != (methods.SCORED, methods.QUESTIONS, methods.STEPS):
            wrong.append(f"{point['method']}, seed {point['seed']}: {sizes} digits and losses")
        said = {str(i) for i, digit in enumerate(point["exact"]) if digit == "0"}
        if point["seed"] == SEEDS[0] and set(point["wrong"]) != said:
            wrong.append(f"{point['method']}: other wrong answers than its digits say")
    return wrong


def test_the_card_is_whole():
    assert not incomplete(CARD)
    assert set(CHOOSING_SEEDS).isdisjoint(SEEDS) and len(SEEDS) >= 3 and methods.SCORED >= 100


def test_the_card_was_made_from_what_is_shipped():
    """Another base, rows, setting or config of a method: made anew by `python -m tools.build_methods`."""
    assert CARD["made_from"] == json.loads(json.dumps(build.made_from()))
    assert CARD["versions"] and all(point["seconds"] > 0 for point in CARD["points"])


def changed(point: dict, **values) -> dict:
    return {"choosing": CARD["choosing"], "points": [{**p, **values} if p is point else p for p in CARD["points"]]}


@pytest.mark.parametrize(
    "values",
    [{"exact": "1" * 7}, {"rate": 7.0}, {"seed": 9}, {"losses": [1.0]}, {"exact": "0" * methods.SCORED}],
    ids=lambda values: next(iter(values)),
)
def test_a_changed_point_is_seen(values):
    assert not incomplete(changed(CARD["points"][0]))
    assert incomplete(changed(CARD["points"][0], **values))


def test_a_rate_at_an_end_is_seen():
    best = {point["method"]: point["rate"] for point in CARD["points"]}
    choosing = [one for one in CARD["choosing"] if one["rate"] <= best[one["method"]]]
    assert len(incomplete({**CARD, "choosing": choosing})) >= len(METHODS)


def not_shown(points: dict[str, list[methods.Point]]) -> list[str]:
    """The methods whose share of exact tickets, as the card has it, the stored lesson's table does not show."""
    (lesson,) = (book for name, book in read_notebooks().items() if name.startswith("23_"))
    (cell,) = (cell for cell in lesson.cells if cell.id == "table-shown")
    table = cell.outputs[0].data["text/html"]
    rows = {method: re.search(rf"<th>{re.escape(method)}</th>(.*?)</tr>", table, re.DOTALL)[1] for method in points}
    means = {method: sum(point.share for point in runs) / len(runs) for method, runs in points.items()}
    return [method for method, mean in means.items() if f"<td>{mean:.1%} ±" not in rows[method]]


def test_the_stored_lesson_shows_the_card():
    points = methods.load()
    assert not not_shown(points), "run python -m tools.execute 23"
    last = points["DoRA"][-1]
    points["DoRA"][-1] = replace(last, exact=last.exact.replace("1", "0", 1))  # one ticket of one seed
    assert not_shown(points) == ["DoRA"]


def test_another_methods_config_makes_the_card_anew(monkeypatch):
    usual = methods.config_of
    monkeypatch.setattr(methods, "config_of", lambda name: usual("LoRA" if name == "DoRA" else name))
    assert build.made_from() != CARD["made_from"] and build.Card().points == []


def test_no_ticket_is_in_two_sets():
    sets = {name: {json.dumps(chat) for chat in found} for name, found in methods.rows().items()}
    for name in ("train", "choosing", "scored"):
        others = set.union(*(rows for other, rows in sets.items() if other != name))
        assert sets[name] and not sets[name] & others, name
    assert (len(sets["choosing"]), len(sets["scored"])) == (methods.CHOOSING, methods.SCORED)


def test_the_grid_goes_on_until_the_best_lies_between():
    middle = START["LoRA"]
    at = GRID.index(middle)
    tried: dict[float, list[float]] = {}
    while (rate := build.next_rate("LoRA", tried)) is not None:
        tried[rate] = [abs(math.log(rate / GRID[at + 2])) + 0.1]  # best two steps above the middle
    assert sorted(tried) == list(GRID[at - 1 : at + 4]) and best_rate(tried) == GRID[at + 2]
    assert build.next_rate("LoRA", {rate: [1.0 / rate] for rate in GRID[: at + 6]}) is None  # enough is enough


def test_a_run_that_diverged_is_never_the_best():
    assert best_rate({1e-3: [0.5], 1e-2: [math.inf]}) == 1e-3


def test_the_paired_interval_sees_what_is_there_and_no_more():
    rows = "10" * 60
    assert methods.paired([rows] * 3, [rows] * 3) == (0, 0)
    mean, half = methods.paired(["1" * 120] * 3, ["1" * 90 + "0" * 30] * 3)
    assert mean == 0.25 and 0 < half < mean
    apart = ["1" * 120, "1" * 60 + "0" * 60, "0" * 120]  # one seed the one way, one the other
    mean, half = methods.paired(apart, [rows] * 3)
    assert half > abs(mean) and half > 1


@pytest.mark.slow
@pytest.mark.parametrize("method", ["LoRA", "full", "(IA)³"])
def test_a_point_of_the_card_can_be_had_again(method):
    """Within what other kernels make of rounding; another method's config or rate differs by far more."""
    (point, *_) = methods.load()[method]
    again = methods.train(method, point.rate, point.seed)[1]
    assert again == pytest.approx(point.losses, rel=0.1, abs=0.02)
    other = methods.train("PiSSA" if method == "LoRA" else "LoRA", point.rate, point.seed)[1]
    assert other != pytest.approx(point.losses, rel=0.1, abs=0.02)
