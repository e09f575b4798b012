"""`make course` in small: the same pipeline with few steps and few held-out rows writes the whole report."""

import json
from dataclasses import replace

import pytest
from filelock import FileLock

from helpers import course, profiles
from helpers.errors import InputError

pytestmark = pytest.mark.slow

KEYS = """base_exact_match base_valid_json parser_exact_match tuned_exact_match tuned_valid_json
tuned_field_accuracy tuned_copied_accuracy tuned_learned_accuracy parser_learned_accuracy
merged_exact_match merged_max_logit_diff base_questions_before
base_questions_after base_questions_value_before base_questions_value_after rows_in rows_kept
rows_rejected train_seconds total_seconds peak_bytes versions""".split()


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """The report of a course with 12 training steps, and the folder it ran in."""
    folder = tmp_path_factory.mktemp("course")
    with pytest.MonkeyPatch.context() as patch:
        for name, rows in (("TEST", 12), ("QUESTIONS", 8)):
            lines = getattr(course, name).read_text(encoding="utf-8").splitlines(keepends=True)[:rows]
            (folder / name).write_text("".join(lines), encoding="utf-8")
            patch.setattr(course, name, folder / name)
        (folder / "course").mkdir()
        (folder / "course" / "half-written").write_text("from a run that was stopped")
        report = course.run_course(replace(profiles.select("tiny"), max_steps=12), folder)
    return report, folder


def test_the_report_is_whole(small):
    report, folder = small
    assert json.loads((folder / "course.json").read_text(encoding="utf-8")) == report
    assert set(KEYS) <= set(report)
    assert report["rows_in"] == report["rows_kept"] + report["rows_rejected"] > 2500
    assert report["peak_bytes"] > 100_000_000 and report["versions"]["peft"]


def test_the_merge_is_proved(small):
    report, _ = small
    assert report["merged_max_logit_diff"] <= 0.05
    assert report["merged_exact_match"] == report["tuned_exact_match"]


def test_a_second_course_in_one_clone_is_refused_and_touches_nothing(tmp_path):
    (tmp_path / "course").mkdir()
    (tmp_path / "course.json").write_text("{}")
    with FileLock(tmp_path / ".course.lock"), pytest.raises(InputError, match="another course is running in"):
        course.run_course(profiles.select("tiny"), tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [".course.lock", "course", "course.json"]


def test_it_starts_clean(small):
    _, folder = small
    assert not (folder / "course" / "half-written").exists()
    written = {path.name for path in (folder / "course").iterdir()}
    assert {"adapter", "merged", "clean.jsonl", "rejects.jsonl", "report.json"} <= written
