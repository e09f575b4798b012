"""Benchmarks: turns, the card's schema, ratios from raw values, the page of figures, and usage."""

import copy
import json
import os
import subprocess
import sys
from dataclasses import replace
from statistics import median

import pytest
import torch

from helpers import DATA, ROOT, chats, profiles, training
from helpers.errors import InputError
from helpers.timing import interleave
from tools.bench import BENCHMARKS, FEWEST, card, cleaning, inference, loop, recipes, report, startup
from tools.bench.card import Claim, Measurement, Options, Result

TINY = Options(profiles.PROFILES["tiny"], repeats=2, rows=(40, 120), steps=1, new_tokens=2, blocks=1, length=8)


def problems(one: dict) -> list[str]:
    """What is wrong with a benchmark of a card: a median, spread or ratio that its raw values do not give."""
    wrong = []
    for name, measured in (one["measurements"] | one["ratios"]).items():
        values = measured["values"]
        if measured["median"] != median(values) or measured["spread"] != [min(values), max(values)]:
            wrong.append(f"{name}: median or spread is not that of its values")
    for name, measured in one["ratios"].items():
        above, below = (one["measurements"][measured[side]]["values"] for side in ("above", "below"))
        if measured["values"] != [a / b for a, b in zip(above, below)]:
            wrong.append(f"{name}: is not the ratio of its sides")
    wrong += [f"no headline {name}" for name in one["headlines"] if name not in one["measurements"]]
    for claim in one["claims"]:
        low, high = claim["claimed"]
        if claim["agrees"] != ((low or 0) <= one["ratios"][claim["ratio"]]["median"] <= (high or float("inf"))):
            wrong.append(f"{claim['id']}: the verdict is not the ratio's")
    return wrong


def test_sides_take_turns_and_the_first_round_is_thrown_away():
    calls = []
    found = interleave({name: lambda name=name: calls.append(name) or len(calls) for name in "AB"}, rounds=2)
    assert calls == list("ABABAB") and found == {"A": [3, 5], "B": [4, 6]}


def test_a_ratio_is_taken_round_by_round():
    quiet_then_busy = Measurement("s", (1.0, 4.0, 2.0)), Measurement("s", (2.0, 8.0, 4.0))
    assert card.ratio(*quiet_then_busy).values == (0.5, 0.5, 0.5)
    with pytest.raises(ValueError):
        card.ratio(quiet_then_busy[0], Measurement("s", (1.0,)))


def made_up(above=(2.0, 3.0), below=(1.0, 2.0)) -> dict:
    """A benchmark of a card, from two measurements and a claim about their ratio."""
    measured = {"full, time": Measurement("s", above), "lora, time": Measurement("s", below)}
    name = "full / lora, time"
    result = Result({}, measured, {name: card.sides_of(name)}, tuple(measured), (Claim("C06", "?", name, 3, 10),))
    return card.entry(result, 1.0)


@pytest.mark.parametrize(("above", "agrees"), [((2.0, 3.0), False), ((4.0, 8.0), True), ((40.0, 80.0), False)])
def test_a_claim_is_judged_by_the_median_ratio(above, agrees):
    claim = made_up(above)["claims"][0]
    assert claim["agrees"] is agrees and "LoRA" in claim["text"]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda one: one["ratios"]["full / lora, time"]["values"].reverse(),
        lambda one: one["measurements"]["lora, time"].update(median=9.0),
        lambda one: one["measurements"]["lora, time"]["values"].append(0.5),
        lambda one: one["claims"][0].update(agrees=True),
        lambda one: one["headlines"].append("nothing"),
    ],
)
def test_a_spoiled_card_is_noticed(spoil):
    one = made_up()
    assert problems(one) == []
    spoil(one)
    assert problems(one)


def checked(result: Result) -> dict:
    one = json.loads(json.dumps(card.entry(result, 1.0)))
    assert problems(one) == []
    return one


def test_startup_in_real_processes():
    one = checked(startup.run(TINY))
    assert len(one["measurements"]) == 2 * len(startup.COMMANDS) and all(one["checks"].values())
    assert all(len(measured["values"]) == 2 for measured in one["measurements"].values())


@pytest.mark.slow
def test_cleaning_in_real_processes():
    one = checked(cleaning.run(replace(TINY, repeats=1)))
    assert one["settings"]["kept"] == [40, 120] and one["checks"]["nearly all rows are kept"]
    size, speed = one["measurements"]["120 rows, input"], one["measurements"]["120 rows, speed"]
    assert size["values"][0] / speed["values"][0] == pytest.approx(one["settings"]["megabytes"][1] / 120, abs=5e-4)
    assert one["measurements"]["120 rows, peak bytes"]["median"] > 50e6
    assert one["ratios"]["120 rows by 2 workers / 120 rows, speed"]["median"] > 0


@pytest.mark.slow
def test_the_recipes_see_the_same_real_tokens(monkeypatch):
    monkeypatch.setattr(recipes, "BATCH", 2)
    one = checked(recipes.run(TINY))
    settings = one["settings"]
    assert settings["articles_tokens"] == settings["rows"] * 1024 > 3 * settings["real_tokens"]


@pytest.mark.slow
def test_the_bare_loop_ends_at_the_recipes_adapter(monkeypatch, tmp_path):
    monkeypatch.setattr(loop, "BATCH", 2)
    one = checked(loop.run(replace(TINY, steps=2)))
    assert one["settings"]["tokens"] > 100
    rows = chats.read_chat(DATA / "tickets" / "clean.jsonl")[:6]
    settings = training.sft_config(
        TINY.profile, tmp_path, max_steps=3, per_device_train_batch_size=2, disable_tqdm=True
    )
    ends = []
    for steps in (loop.by_recipe, loop.by_hand):
        trainer = training.make_trainer(TINY.profile, rows, settings)
        assert steps(trainer) > 0
        ends.append([p.detach() for p in trainer.model.parameters() if p.requires_grad])
    assert any(matrix.abs().max() > 0 for matrix in ends[0][1::2])  # B has moved
    for ours, trl in zip(*ends, strict=True):
        torch.testing.assert_close(ours, trl, rtol=1e-3, atol=1e-5)


@pytest.mark.slow
def test_inference_has_three_models_that_differ_only_in_the_adapter():
    made = inference.models(TINY.profile)
    ids = torch.arange(10, 30)[None]
    with torch.inference_mode():
        logits = {name: model(input_ids=ids).logits for name, model in made.items()}
    assert torch.allclose(logits["adapter"], logits["merged"], atol=1e-2)
    assert (logits["adapter"] - logits["base"]).abs().max() > 0.1
    one = checked(inference.run(TINY))
    assert set(one["ratios"]) == set(inference.RATIOS)


def test_methods_measure_the_bytes_of_each_method(monkeypatch):
    from tools.bench import methods

    monkeypatch.setattr(methods, "MODEL", str(DATA / "base"))
    one = checked(methods.run(TINY))
    found = {name: measured["values"][0] for name, measured in one["measurements"].items()}
    assert found["full, optimizer bytes"] > 10 * found["lora, optimizer bytes"]
    assert found["qlora, weights bytes"] < found["lora, weights bytes"] == found["full, weights bytes"]
    assert {claim["id"] for claim in one["claims"]} == {"C05", "C06", "C07"}


CARDS = sorted(card.CARD.parent.glob("bench*.json"))


def test_the_stored_card_has_every_benchmark():
    assert set(card.read()["benchmarks"]) == set(BENCHMARKS)


@pytest.mark.parametrize("path", CARDS, ids=lambda path: path.stem)
def test_a_stored_card_is_whole(path):
    done = card.read(path)
    assert set(done) == {"machine", "versions", "seed", "repeats", "seconds", "peak_bytes", "benchmarks"}
    assert set(done["machine"]) == {"cpu", "cores", "memory_gib", "gpus", "system", "load"}
    assert not report.failures(done)
    for name, one in done["benchmarks"].items():
        assert problems(one) == [], name
        counts = {key: len(measured["values"]) for key, measured in one["measurements"].items()}
        several = [n for key, n in counts.items() if not key.endswith(("bytes", "signatures alone"))]
        assert min(several) >= FEWEST, counts
    assert "/home" not in json.dumps(done) and "/tmp" not in json.dumps(done)


@pytest.mark.parametrize("path", CARDS, ids=lambda path: path.stem)
def test_the_pages_figures_are_the_cards(path):
    page = report.PAGE.read_text(encoding="utf-8")
    assert report.with_figures(page) == page, "run python -m tools.bench.report"

    def other(read_path):
        done = copy.deepcopy(card.read(read_path))
        if read_path == path:
            one = next(iter(done["benchmarks"].values()))
            one["measurements"][one["headlines"][0]]["median"] *= 1.5
        return done

    assert report.with_figures(page, other) != page


def test_a_page_without_a_place_for_figures_is_refused():
    with pytest.raises(InputError, match="no place for the figures"):
        report.with_figures("# Course")


def test_another_file_is_no_card(tmp_path):
    (tmp_path / "x.json").write_text("[]", encoding="utf-8")
    for name in ("x.json", "none.json"):
        with pytest.raises(InputError, match=f"{name} is no run card"):
            card.read(tmp_path / name)


def bench(*arguments, cwd):
    command = [sys.executable, "-m", "tools.bench", *map(str, arguments)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=400)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["startups"], "use some of startup, inference, recipes, loop, methods, cleaning"),
        (["startup", "--rows", "many"], "such as 10000,100000"),
        (["startup", "--rows", "10,10"], "such as 10000,100000"),
        (["startup", "--repeats", "3", "--out", "card.json"], "a run card needs 5 or more"),
        (["startup", "--out", "nowhere/card.json"], "the directory nowhere does not exist"),
        (["startup", "--profile", "huge"], "gpu-7b"),
    ],
)
def test_bad_usage_says_what_would_have_been_right(arguments, words, tmp_path):
    answer = bench(*arguments, cwd=tmp_path)
    assert answer.returncode == 2 and words in answer.stderr and "Traceback" not in answer.stderr
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_list_and_a_real_card_from_the_command_line(tmp_path):
    assert all(name in bench("--list", cwd=tmp_path).stdout for name in BENCHMARKS)
    answer = bench("startup", "--out", "card.json", cwd=tmp_path)
    assert answer.returncode == 0 and "doctor / python alone, clock" in answer.stdout, answer.stderr
    done = card.read(tmp_path / "card.json")
    assert list(done["benchmarks"]) == ["startup"] and done["repeats"] == 5 and done["machine"]["cores"] >= 1
    assert [path.name for path in tmp_path.iterdir()] == ["card.json"]
