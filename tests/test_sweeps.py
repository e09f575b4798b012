"""The short runs and their cards: the same setting gives the same run, and what a card says can be had again."""

import json
import math
from dataclasses import replace

import pytest
import torch

from helpers import plots, sweeps
from helpers.chats import answer_batch
from helpers.sweeps import Setting, run_setting
from tools import build_runs

QUICK = Setting(steps=2, rows=16, batch_size=4)
# what the benchmarks, `tools.build_cleaning`, `_learned` and `_methods`, and `make vllm-check` wrote lies beside them
OTHERS = ("bench", "cleaning", "learned", "methods", "vllm")
CARDS = sorted(path.stem for path in sweeps.CARDS.glob("*.json") if not path.stem.startswith(OTHERS))


def test_every_card_has_a_builder():
    assert CARDS == sorted(build_runs.EXPERIMENTS)


@pytest.mark.parametrize("name", CARDS)
def test_card_holds_all_that_its_builder_asks_for(name):
    wanted = build_runs.EXPERIMENTS[name]()
    assert {e: [result.setting for result in results] for e, results in sweeps.load(name).items()} == wanted
    assert all(len({setting.seed for setting in settings}) >= 2 for settings in wanted.values())


@pytest.mark.parametrize("name", CARDS)
def test_card_was_made_from_what_is_shipped(name):
    card = json.loads((sweeps.CARDS / f"{name}.json").read_text(encoding="utf-8"))
    assert card["made_from"] == build_runs.made_from(), f"run python -m tools.build_runs {name}"
    assert card["versions"] and all(point["seconds"] > 0 for points in card["points"].values() for point in points)


@pytest.mark.slow
@pytest.mark.parametrize("name", CARDS)
def test_a_point_of_the_card_can_be_had_again(name):
    """Within what other kernels and thread counts make of rounding; another seed or rate differs by far more.

    A long run is had again to its first evaluation, which a run that ends there shares with it.
    """
    first = [stopped_at_first(r) for found in sweeps.load(name).values() for r in found if not r.setting.warmup]
    short = [r for r in first if len(r.losses) <= 48]
    point = min(
        short, key=lambda r: (abs(math.log(r.setting.learning_rate / 1e-3)), len(r.losses) * r.setting.batch_size)
    )
    again = run_setting(replace(point.setting, steps=len(point.losses), evaluations=1, scored=0))
    for watched in point.setting.watch:
        assert again.final(watched) == pytest.approx(point.final(watched), rel=0.05)
    assert again.losses == pytest.approx(point.losses, rel=0.1, abs=0.02)


def stopped_at_first(result: sweeps.Result) -> sweeps.Result:
    return sweeps.stopped(result, result.curves[result.setting.watch[0]][0][0])


@pytest.mark.slow
def test_a_long_run_holds_the_shorter_one():
    long, short = run_setting(replace(QUICK, steps=4, evaluations=2)), run_setting(QUICK)
    cut = sweeps.stopped(long, 2)
    assert (cut.losses, cut.curves) == (short.losses, short.curves)
    with pytest.raises(ValueError, match="no evaluation after 3 steps"):
        sweeps.stopped(long, 3)


@pytest.mark.slow
def test_the_same_setting_gives_the_same_run_and_another_seed_another():
    first, again, other = run_setting(QUICK), run_setting(QUICK), run_setting(replace(QUICK, seed=1))
    assert first.losses == again.losses and first.curves == again.curves
    assert first.losses != other.losses


def test_full_tuning_trains_every_weight_and_lora_only_adapters():
    full, lora = (sweeps.build(replace(QUICK, full=full)) for full in (True, False))
    assert all(p.requires_grad for p in full.parameters())
    assert {"lora_" in name for name, p in lora.named_parameters() if p.requires_grad} == {True}


def test_warmup_climbs_to_the_rate_and_holds_it():
    setting = replace(QUICK, learning_rate=1.0, steps=10, warmup=0.3)
    assert [sweeps.rate_at(setting, step) for step in range(5)] == pytest.approx([1 / 3, 2 / 3, 1, 1, 1])
    assert sweeps.rate_at(replace(setting, warmup=0.0), 0) == 1
    plain, warmed = run_setting(QUICK), run_setting(replace(QUICK, warmup=1.0))
    assert plain.losses[0] == warmed.losses[0] and plain.losses[1] != warmed.losses[1]


def test_the_task_to_write_asks_for_the_ticket_of_a_json():
    extract, write = (sweeps.conversations(replace(QUICK, task=task)) for task in ("extract", "write"))
    for name in ("train", "held_out"):
        turned = [(chat[-1]["content"], chat[-2]["content"]) for chat in extract[name]]
        assert [(chat[-2]["content"], chat[-1]["content"]) for chat in write[name]] == turned
    assert write["questions"] == extract["questions"]


@pytest.mark.parametrize(("written", "score"), [("the ticket itself", 1.0), ("", 0.0)])
def test_a_written_ticket_is_scored_by_its_texts_and_its_likeness(monkeypatch, written, score):
    chats = sweeps.conversations(replace(QUICK, task="write"))["held_out"][:4]
    answers = [chat[-1]["content"] if written else "" for chat in chats]
    monkeypatch.setattr("helpers.inference.generate", lambda model, tokenizer, prompts: answers)
    assert sweeps.score_written(None, None, chats) == {"fields": score, "alike": score}


def test_noise_gives_that_share_of_rows_another_answer():
    clean, noisy = (sweeps.conversations(replace(QUICK, rows=100, noise=noise))["train"] for noise in (0.0, 0.3))
    changed = [b for a, b in zip(clean, noisy, strict=True) if a != b]
    assert len(changed) == 30 and all(a[:-1] == b[:-1] for a, b in zip(clean, noisy, strict=True))
    assert sorted(str(m[-1]) for m in clean) == sorted(str(m[-1]) for m in noisy)
    wrong = sweeps.conversations(replace(QUICK, rows=100, noise=0.3))["wrong"]
    assert sorted(map(str, wrong)) == sorted(map(str, changed))


def test_replay_adds_questions_that_no_score_counts():
    sets = sweeps.conversations(replace(QUICK, rows=40, replay=0.5))
    added = sets["mixed"][40:]
    assert len(added) == 20 and not any(chat in sets["questions"] for chat in added)


def test_every_row_is_seen_once_an_epoch():
    setting = replace(QUICK, steps=8, batch_size=4)
    rows = list(range(16))
    seen = [row for batch in sweeps.batches(rows, setting) for row in batch]
    assert sorted(seen[:16]) == sorted(seen[16:]) == rows and seen[:16] != seen[16:]


def test_a_diverged_run_is_infinite_and_stays_so_on_its_card():
    result = run_setting(replace(QUICK, learning_rate=1e6, steps=6))
    assert math.isinf(result.final())
    back = sweeps.from_json(sweeps.to_json(result))
    assert back.setting == result.setting and back.curves == result.curves


def test_interval_is_that_of_student():
    mean, half = sweeps.mean_and_interval([1.0, 2.0, 3.0])
    assert mean == 2 and half == pytest.approx(4.303 / math.sqrt(3), rel=1e-3)
    assert sweeps.mean_and_interval([1.0, math.inf])[0] == math.inf


def at(rate: float, seed: int, choosing: float, held_out: float) -> sweeps.Result:
    setting = Setting(learning_rate=rate, seed=seed)
    return sweeps.Result(setting, [], {"choosing": [(16, choosing)], "held_out": [(16, held_out)]})


def test_a_rate_is_chosen_on_tickets_that_do_not_judge_it():
    """The lower held-out loss does not tempt, nor one lucky seed; a rate that diverged once is never chosen."""
    low = [at(1e-3, 0, 0.5, 0.9), at(1e-3, 1, 0.5, 0.9)]
    high = [at(1e-2, 0, 0.1, 0.1), at(1e-2, 1, 1.0, 0.1)]
    wild = [at(1e-1, 0, 0.0, 0.0), at(1e-1, 1, math.inf, 0.0)]
    assert sweeps.tuned(low + high + wild) == low
    shared = {name: {str(chat) for chat in sweeps.pools()[name]} for name in ("choosing", "held_out", "train")}
    assert not shared["choosing"] & shared["held_out"] and not shared["choosing"] & shared["train"]


def test_a_difference_is_taken_seed_by_seed_and_gets_its_word():
    """Between the seeds the losses lie far apart, within each pair they do not: only the paired interval is narrow."""
    nothing = [at(1e-3, seed, 0, 1.0 + seed) for seed in range(5)]
    cured = [at(1e-3, seed, 0, 0.8 + seed + 0.01 * (seed % 2)) for seed in reversed(range(5))]
    mean, half = sweeps.paired(cured, nothing, sweeps.Result.final)
    assert mean == pytest.approx(-0.196) and half < 0.01
    assert sweeps.effect(mean, half) == "helps" and sweeps.effect(-mean, half) == "harms"
    assert sweeps.effect(mean, 0.2) == sweeps.effect(0.1, math.inf) == "not visible"
    with pytest.raises(ValueError, match="same seeds"):
        sweeps.paired(cured[:4], nothing, sweeps.Result.final)


def test_the_best_step_is_that_of_all_seeds_together_and_not_of_the_tickets_that_judge():
    def run(seed: int, *choosing: float) -> sweeps.Result:
        curves = {
            "choosing": list(zip((10, 20, 30), choosing, strict=True)),
            "held_out": [(10, 0.0), (20, 1.0), (30, 9.0)],
        }
        return sweeps.Result(Setting(seed=seed), [0.5] * 30, curves)

    runs = [run(0, 1.0, 1.1, 0.2), run(1, 3.0, 2.0, 3.0)]
    assert sweeps.best_step(runs) == 20
    cut = sweeps.stopped(runs[0], 20)
    assert cut.final() == 1.0 and cut.final("choosing") == 1.1 and len(cut.losses) == 20


def test_picture_leaves_out_what_has_diverged():
    ax = plots.sweep({"LoRA": {1e-3: [1.0, 2.0], 1e-1: [math.inf, 3.0]}}, "rate", "loss")
    line = ax.containers[0][0]
    assert list(line.get_xdata()) == [1e-3] and list(line.get_ydata()) == [1.5]
    ax.figure.clear()


def test_mean_loss_counts_tokens_not_rows():
    model, tokenizer = sweeps.build(QUICK), sweeps.tokenizer_of_base()
    chats = sweeps.pools()["held_out"][:5]
    with torch.no_grad():
        together = model.eval()(**answer_batch(tokenizer, chats)).loss.item()
    assert sweeps.mean_loss(model, tokenizer, chats) == pytest.approx(together, rel=1e-4)
