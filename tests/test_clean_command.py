"""The command: it says what it saw, joins with `train`, and ends with 1 where nothing was kept."""

import json

import pytest
from clean_tools import ask, lines
from typer.testing import CliRunner

from helpers.chats import check_lengths, read_chat
from helpers.cli import app
from helpers.errors import InputError
from helpers.models import load_tokenizer
from helpers.profiles import PROFILES

OWN = [{"ask": f"What is {number} in words?", "say": f"word {number}", "topic": "numbers"} for number in range(3)]


@pytest.fixture
def clean(tmp_path, monkeypatch):
    """Run `clean` on rows, in a folder of its own: (exit code, text, report)."""
    monkeypatch.chdir(tmp_path)

    def run(rows, *options, name="in.jsonl"):
        (tmp_path / name).write_bytes(rows if isinstance(rows, bytes) else lines(*rows))
        command = ["clean", name, "--out", "c.jsonl", "--rejects", "r.jsonl", "--report", "p.json", "--workers", "1"]
        done = CliRunner().invoke(app, [*command, "--profile", "tiny", *options])
        if isinstance(done.exception, InputError):
            raise done.exception
        return done.exit_code, done.output, json.loads((tmp_path / "p.json").read_text(encoding="utf-8"))

    return run


def test_it_says_first_what_it_saw(clean):
    turns = [{"from": "human", "value": "Hi, who is there?"}, {"from": "gpt", "value": "A friend."}]
    code, text, report = clean([{"conversations": turns, "source": "web"}, ask("One?", "1"), {"text": "A tale."}])
    assert code == 0 and text.index("ShareGPT 1") < text.index("2 kept")
    assert "example  Hi, who is there?" in text and "human 1" in text and "ignored        1  source" in text
    seen = report["files"]["in.jsonl"]
    assert seen["formats"] == {"ShareGPT": 1, "Alpaca": 1, "plain text": 1}
    assert seen["columns"]["conversations"] == 1 and seen["roles"] == {"human": 1, "gpt": 1}
    assert report["fields_ignored"] == {"source": 1}
    assert report["reasons"] == {"plain_text": 1} and "pretraining" in report["details"]["plain_text"]


def test_the_text_stays_within_80_columns(clean):
    rows = [{f"a_very_long_column_name_{number}": "x" * 200 for number in range(30)}, {"text": "y" * 300}]
    _, text, _ = clean([*rows, ask("z" * 300, "1"), {**ask("?", "2"), "n" * 90: "w"}], name="n" * 100 + ".jsonl")
    assert max(map(len, text.splitlines())) <= 80


def test_when_nothing_is_kept_it_fails_and_says_what_to_type(clean):
    code, text, report = clean(OWN)
    assert code == 1 and report["kept"] == 0
    words = " ".join(text.split())
    assert "No row was kept" in words and "--map ask=question --map say=answer" in words


def test_own_columns_are_named(clean):
    code, _, report = clean(OWN, "--map", "ask=question", "--map", "say=answer")
    assert code == 0 and report["kept"] == 3 and report["fields_ignored"] == {"topic": 3}


def test_chosen_answers_are_taken_when_asked_for(clean):
    rows = [{"prompt": f"Number {number}?", "chosen": f"It is {number}.", "rejected": "No."} for number in range(3)]
    assert clean(rows)[0] == 1
    code, _, report = clean(rows, "--preference", "chosen")
    assert code == 0 and report["kept"] == 3 and report["fields_ignored"] == {"rejected": 3}
    with pytest.raises(InputError, match="the only choice is chosen"):
        clean(rows, "--preference", "best")


def test_what_clean_keeps_train_takes(clean, tmp_path):
    """Limit and tokenizer are those of the profile that trains: no row of any length near the limit is refused there."""
    profile = PROFILES["tiny"]
    rows = [ask("Count on.", " ".join(str(1000 + k) for k in range(size))) for size in range(20, 130, 2)]
    _, _, report = clean(rows)
    assert (report["max_tokens"], report["tokenizer"]) == (profile.max_length, "base")
    assert report["kept"] > 5 and report["reasons"]["over_long"] > 5
    check_lengths(load_tokenizer(profile.model), read_chat(tmp_path / "c.jsonl"), profile.max_length)


def test_switches_reach_the_rows(clean, tmp_path):
    rows = [ask("Write to ann@lee.org today.", "<p>Done</p>")]
    texts = [clean(rows, *options) and (tmp_path / "c.jsonl").read_text() for options in ((), ("--no-mask",))]
    assert "[EMAIL]" in texts[0] and "ann@lee.org" in texts[1]
