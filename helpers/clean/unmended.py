"""The other arm of the comparison: what a short script reads of the raw files, nothing repaired, nothing checked."""

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from helpers.clean.fields import RowError
from helpers.clean.formats import split_instruction, to_messages


def read_unmended(path: Path, encoding: str = "utf-8-sig") -> Iterator[dict]:
    """Rows {"messages": [...], "id": ...} of a JSONL, JSON or CSV file, in the layout of the clean rows, as they came.

    Bytes that do not fit `encoding` become U+FFFD. Lines that are no JSON, and rows without a question or an answer of
    the assistant, are left out without a word, as such a script does.
    """
    for value in _values(path, path.read_bytes().decode(encoding, errors="replace")):
        try:
            messages = split_instruction(to_messages(value).messages)
        except RowError:
            continue
        if messages and messages[-1]["role"] == "assistant":
            yield {"messages": messages, "id": value.get("id")}


def _values(path: Path, text: str) -> Iterator[Any]:
    if path.suffix == ".csv":
        yield from csv.DictReader(io.StringIO(text, newline=""))
    elif path.suffix == ".json":
        yield from json.loads(text)
    else:
        for line in text.split("\n"):
            try:
                yield json.loads(line)
            except ValueError:
                continue
