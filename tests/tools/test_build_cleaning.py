"""The run card of notebook 01: made from what is shipped, complete, and a fair comparison."""

import json

import pytest

from helpers.clean.duplicates import normalised
from tools import build_cleaning
from tools.build_cleaning import CARD, PROFILE, SCORED, SEEDS, arms, made_from, rows_of_all_kinds


@pytest.fixture(scope="module")
def sets():
    return rows_of_all_kinds()


@pytest.fixture(scope="module")
def card():
    return json.loads(CARD.read_text(encoding="utf-8"))


def asked(rows) -> set[str]:
    return {normalised(row["messages"][-2]["content"]) for row in rows}


def test_card_was_made_from_what_is_shipped(card):
    assert card["made_from"] == made_from(), "run python -m tools.build_cleaning"
    assert set(card["versions"]) == set(build_cleaning.PACKAGES)


@pytest.mark.slow
def test_card_has_every_arm_with_every_seed_on_the_same_tickets(card, sets):
    wanted = {name: len(rows) for name, rows in arms(sets, 0).items()}
    assert {name: points[0]["rows"] for name, points in card["points"].items()} == wanted
    for points in card["points"].values():
        assert [point["seed"] for point in points] == list(range(SEEDS))
        assert all(len(point["unseen"]["exact"]) == SCORED == len(sets["unseen"]) for point in points)
        assert all(len(point["leaked"]["exact"]) == len(sets["leaked"]) for point in points)
        assert all(point["seconds"] > 0 and point["unseen"]["loss"] > 0 for point in points)


@pytest.mark.slow
def test_no_arm_has_seen_an_unseen_ticket_and_the_leaks_are_where_they_belong(sets):
    few = arms(sets, 1)
    assert not any(asked(sets["unseen"]) & asked(rows) for rows in few.values())
    hidden = {name: len(asked(sets["leaked"]) & asked(rows)) for name, rows in few.items()}
    assert hidden["clean"] == hidden["270 clean"] == 0 < hidden["raw"] <= hidden["270 with leaks"] <= 30


@pytest.mark.slow
def test_small_arms_differ_by_seed_and_share_their_clean_rows(sets):
    one, other = arms(sets, 0), arms(sets, 1)
    assert one["270 clean"] != other["270 clean"] and len(one["270 clean"]) == len(one["270 with leaks"]) == 270
    assert one["270 with leaks"][:240] == one["270 clean"][:240]


@pytest.mark.slow
def test_the_card_is_written_after_every_run_and_goes_on_where_it_was(monkeypatch, tmp_path, sets):
    monkeypatch.setattr(build_cleaning, "CARD", tmp_path / "card.json")
    monkeypatch.setattr(build_cleaning, "SEEDS", 2)
    monkeypatch.setattr(build_cleaning, "rows_of_all_kinds", lambda: sets)
    done = []

    def stopped(rows, sets, seed, profile=PROFILE):
        done.append(seed)
        if len(done) == 3:
            raise KeyboardInterrupt
        return {"seed": seed, "rows": len(rows)}

    monkeypatch.setattr(build_cleaning, "train_and_score", stopped)
    with pytest.raises(KeyboardInterrupt):
        build_cleaning.main()
    build_cleaning.main()
    points = json.loads((tmp_path / "card.json").read_text(encoding="utf-8"))["points"]
    assert len(done) == 2 * 4 + 1  # each arm twice, and the run that was stopped
    assert len(points) == 4
    assert all([point["seed"] for point in found] == [0, 1] for found in points.values())
