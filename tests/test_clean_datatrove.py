"""The cleaner's work on single rows as steps of datatrove: the rows and the rejects are those of `clean`."""

import json

import pytest

pytest.importorskip("datatrove", reason="needs the extra: pip install -e .[scale]")

from datatrove.executor import LocalPipelineExecutor
from datatrove.pipeline.writers import JsonlWriter

from helpers import DATA
from helpers.clean import clean_files, default_rules, load_jsonl
from helpers.clean.datatrove_steps import CleanRows, RawRows, lines_to

BETWEEN_ROWS = {"duplicate", "near_duplicate"}  # what no row can tell alone


@pytest.mark.slow
def test_datatrove_gives_the_rows_and_the_rejects_of_clean(tmp_path):
    raw = DATA / "tickets" / "raw"
    dropped = JsonlWriter(str(tmp_path / "dropped"), compression=None)
    pipeline = [RawRows(str(raw)), CleanRows(default_rules(), dropped), lines_to(tmp_path / "kept")]
    LocalPipelineExecutor(pipeline, tasks=2, workers=1, logging_dir=str(tmp_path / "logs")).run()

    inputs = sorted(path for path in raw.iterdir())
    clean_files(inputs, tmp_path / "out.jsonl", tmp_path / "rejects.jsonl", near_threshold=None)
    rejects = load_jsonl(tmp_path / "rejects.jsonl")
    found = [row for path in sorted((tmp_path / "kept").iterdir()) for row in load_jsonl(path)]
    between = sum(reject["reason"] in BETWEEN_ROWS for reject in rejects)
    kept = load_jsonl(tmp_path / "out.jsonl")
    assert len(found) == len(kept) + between > 2000
    assert {json.dumps(row, sort_keys=True) for row in found} >= {json.dumps(row, sort_keys=True) for row in kept}

    left = [row["metadata"] for path in sorted((tmp_path / "dropped").iterdir()) for row in load_jsonl(path)]
    wanted = {(r["file"], r["line"], r["reason"], r["detail"]) for r in rejects if r["reason"] not in BETWEEN_ROWS}
    assert {(row["file"], row["line"], row["filter_reason"], row["detail"]) for row in left} == wanted
    assert len(left) == len(wanted) > 100
