"""The card of notebook 06: fair arms, and the ledger's verdicts hold the words that its intervals give."""

from dataclasses import replace

import pytest

from helpers import sweeps
from helpers.sweeps import Arm, Setting
from tools import ledger

CARD = sweeps.load("convergence")
TUNED = [name for name in CARD if not name.startswith("rate") and name not in ("rank, one rate", "warmup, too high")]
VERDICTS = {row["id"]: row["verdict"] for row in ledger.load()}
# What a claim's verdict says, with the experiment, its arm, and what that is held against, by a field of the setting.
SAID = [
    ("C14", "rank 256: {}", "rank", "rank", 256, 16),
    ("C14", "rank 64: {}", "rank", "rank", 64, 16),
    ("C15", "q and v alone: {}", "modules", "targets", "q_proj,v_proj", "all-linear"),
    ("C15", "attention alone: {}", "modules", "targets", "q_proj,k_proj,v_proj,o_proj", "all-linear"),
    ("C16", "without down: {}", "modules", "targets", "gate_proj,up_proj", "gate_proj,up_proj,down_proj"),
    ("C47", "fields: {}", "noise", "rows", 100, 10),
    ("C49", "for the same rows: {}", "batch, same rows", "batch_size", 16, 4),
    ("C81", "for the same rows: {}", "batch, same rows", "batch_size", 16, 4),
    ("C81", "for the same steps: {}", "batch, same steps", "batch_size", 16, 4),
    ("C72", "rank 1 against 32: {}", "rank, q and v", "rank", 1, 32),
    ("C74", "5% of the steps: {}", "warmup", "warmup", 0.05, 0.0),
    ("C74", "10% of the steps: {}", "warmup", "warmup", 0.1, 0.0),
    ("C74", "at a rate too high: {}", "warmup, too high", "warmup", 0.1, 0.0),
]


def judged(experiment: str, name: str, arm, first) -> Arm:
    """That arm against that first one."""
    arms = sweeps.by(CARD[experiment], lambda setting: getattr(setting, name))
    measure = fields_wrong if experiment == "noise" else sweeps.Result.final
    return sweeps.contest({"first": arms[first], "arm": arms[arm]}, measure)["arm"]


def fields_wrong(result: sweeps.Result) -> float:
    return 1 - result.scores["held_out"]["fields"]


@pytest.mark.parametrize("row, phrase, experiment, name, arm, first", SAID)
def test_the_ledger_says_what_the_interval_says(row, phrase, experiment, name, arm, first):
    found = judged(experiment, name, arm, first)
    assert found.seeds >= 5
    assert phrase.format(found.word) in VERDICTS[row], f"{row}: {phrase.format(found.word)}, {found}"


def at(rate: float, seed: int, choosing: float, held_out: float) -> sweeps.Result:
    setting = Setting(learning_rate=rate, seed=seed)
    return sweeps.Result(setting, [], {"choosing": [(16, choosing)], "held_out": [(16, held_out)]})


def test_each_arm_is_judged_at_its_own_best_rate_against_the_first():
    """The second arm wins at 0.01, which the first does not choose; its held-out loss at 0.001 counts for nothing."""
    plain = [at(rate, seed, choosing, 1.0) for rate, choosing in ((1e-3, 0.2), (1e-2, 0.3)) for seed in range(3)]
    cured = [at(1e-3, seed, 0.4, 0.1) for seed in range(3)] + [at(1e-2, seed, 0.1, 1.5) for seed in range(3)]
    found = sweeps.contest({"plain": plain, "cured": cured})
    assert (found["plain"].rate, found["cured"].rate) == (1e-3, 1e-2)
    assert (found["cured"].change, found["cured"].half, found["cured"].seeds) == (0.5, 0.0, 3)
    assert found["cured"].word == "harms" and found["plain"].change == 0
    assert sweeps.contest({"plain": plain, "cured": cured}, lambda r: -r.final())["cured"].word == "helps"


def arms_of(name: str) -> dict[Setting, list]:
    """The results of each arm: all that differs within it are the rate and the seed."""
    return sweeps.by(CARD[name], lambda setting: replace(setting, learning_rate=0.0, seed=0))


@pytest.mark.parametrize("name", CARD)
def test_each_point_has_five_seeds_and_what_is_drawn_from_a_seed_is_the_same(name):
    for point in sweeps.by(CARD[name], lambda setting: replace(setting, seed=0)).values():
        assert sorted(result.setting.seed for result in point) == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("name", TUNED)
def test_each_arm_has_a_best_of_three_rates_and_none_lies_at_an_end(name):
    for arm, results in arms_of(name).items():
        rates = sorted({result.setting.learning_rate for result in results})
        best = sweeps.tuned(results)[0].setting.learning_rate
        assert len(rates) == 3 and rates.index(best) == 1, f"{arm}: {best:g} of {rates}"


def test_alpha_is_twice_the_rank_but_where_it_is_the_subject():
    for name, results in CARD.items():
        found = {result.setting.alpha / result.setting.rank for result in results}
        assert found == ({1, 2, 4} if name == "alpha" else {2}), name


def test_sets_of_modules_have_nearly_as_many_parameters():
    sizes = [sweeps.build(arm).get_nb_trainable_parameters()[0] for arm in arms_of("modules")]
    assert len(sizes) == 5 and max(sizes) < 1.05 * min(sizes)


@pytest.mark.parametrize("name", ["batch, same rows", "batch, same steps", "noise", "warmup"])
def test_batches_differ_in_one_thing_at_a_time(name):
    seen = {(arm.batch_size * arm.steps, arm.steps) for arm in arms_of(name)}
    rows, steps = ({one[place] for one in seen} for place in (0, 1))
    assert (len(rows), len(steps)) == {"batch, same rows": (1, 2), "batch, same steps": (2, 1)}.get(name, (1, 1))
