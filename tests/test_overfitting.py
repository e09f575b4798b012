"""What notebook 07 says of its card: rates and epochs chosen on other tickets, five seeds, and the ledger's words."""

import re
from collections.abc import Callable

import pytest

from helpers import sweeps
from helpers.sweeps import Result, best_step, effect, paired, stopped, tuned
from tools import ledger

SEEDS = list(range(5))
CARD = {name: runs for name, runs in sweeps.load("overfitting").items() if not name.startswith("by heart")}
VERDICTS = {row["id"]: row["verdict"] for row in ledger.load()}
# What each verdict must say of which remedies.
SAID = {
    "P3": ("fewer epochs", "40 rows", "their recipe"),
    "C20": ("going on, LoRA", "going on, full tuning"),
    "C41": ("clipping 1.0",),
    "C61": ("dropout 0.05", "dropout 0.1", "dropout 0.3", "dropout 0.3 at three times the rate"),
    "C84": ("rank 2", "rank 2 at three times the rate"),
    "C94": ("weight decay 0.01", "weight decay 0.1"),
    "C85": ("questions mixed in, on questions", "a third of three times the rate, on questions"),
}


def by_rate(runs: list[Result]) -> dict[float, list[Result]]:
    return sweeps.by(runs, lambda setting: setting.learning_rate)


def own(runs: list[Result]) -> list[Result]:
    """All runs at the rate that the seeds chose which every rate has."""
    common = set.intersection(*({run.setting.seed for run in some} for some in by_rate(runs).values()))
    best = tuned([run for run in runs if run.setting.seed in common])
    return by_rate(runs)[best[0].setting.learning_rate]


def at_its_best(runs: list[Result]) -> list[Result]:
    """All runs at the rate whose best epoch is best, of those with five seeds."""
    whole = [some for some in by_rate(runs).values() if len(some) == len(SEEDS)]
    best = tuned([stopped(run, best_step(some)) for some in whole for run in some])
    return by_rate(runs)[best[0].setting.learning_rate]


ARMS = {name: own(runs) for name, runs in CARD.items()}
NOTHING = ARMS["nothing"]
HIGH = {name: by_rate(runs).get(3 * NOTHING[0].setting.learning_rate, []) for name, runs in CARD.items()}
HIGH = {name: runs for name, runs in HIGH.items() if len(runs) == len(SEEDS)}


def word(runs: list[Result], others: list[Result], measure: Callable[[Result], float] = Result.final) -> str:
    return effect(*paired(runs, others, measure))


def questions(run: Result) -> float:
    return run.final("questions")


def words() -> dict[str, str]:
    """The word for each remedy, after the last epoch."""
    found = {name: word(runs, NOTHING) for name, runs in ARMS.items()}
    found |= {f"{name} at three times the rate": word(runs, HIGH["nothing"]) for name, runs in HIGH.items()}
    found["fewer epochs"] = word([stopped(run, best_step(NOTHING)) for run in NOTHING], NOTHING)
    for name, arm in (("LoRA", "nothing"), ("full tuning", "full tuning")):
        runs = at_its_best(CARD[arm])
        found[f"going on, {name}"] = word(runs, [stopped(run, best_step(runs)) for run in runs])
    found["questions mixed in, on questions"] = word(ARMS["questions mixed in"], NOTHING, questions)
    found["a third of three times the rate, on questions"] = word(NOTHING, HIGH["nothing"], questions)
    return found


def said(verdict: str) -> dict[str, str]:
    """The words that a verdict gives to remedies: "dropout 0.1: not visible"."""
    names = "|".join(map(re.escape, sorted(words(), key=len, reverse=True)))
    return dict(re.findall(rf"\b({names}): (helps|harms|not visible)", verdict))


@pytest.mark.parametrize("name", ARMS)
def test_five_seeds_stand_behind_each_word(name):
    runs = ARMS[name]
    assert [run.setting.seed for run in runs] == SEEDS
    assert {run.setting.alpha / run.setting.rank for run in runs} == {2}
    assert {run.setting.rows for run in runs} == {40 if name == "40 rows" else NOTHING[0].setting.rows}


@pytest.mark.parametrize("name", [name for name, runs in CARD.items() if len(by_rate(runs)) > 1])
def test_the_best_rate_does_not_lie_at_the_end_of_those_tried(name):
    rates = sorted(by_rate(CARD[name]))
    assert len(rates) >= 3 and ARMS[name][0].setting.learning_rate in rates[1:-1]


@pytest.mark.parametrize("claim", SAID)
def test_the_ledger_has_the_words_of_the_card(claim):
    found, right = said(VERDICTS[claim]), words()
    assert set(SAID[claim]) <= set(found), f"the verdict of {claim} does not say {set(SAID[claim]) - set(found)}"
    assert found == {remedy: right[remedy] for remedy in found}


def test_another_word_or_another_remedy_would_be_seen():
    assert said("dropout 0.1: helps, dropout 0.3 at three times the rate: harms") == {
        "dropout 0.1": "helps",
        "dropout 0.3 at three times the rate": "harms",
    }
