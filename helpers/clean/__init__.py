"""The cleaner: raw files in any common format and encoding become validated, repaired, de-duplicated chat rows.

encoding and reading (files to rows) -> formats (rows to messages) -> repair, privacy, checks (rows) -> workers (all of
this, in one process or more) -> duplicates, splitting (between rows) -> cleaning (all of it, over files).
"""

from helpers.clean.cleaning import clean_files
from helpers.clean.fields import parse_columns
from helpers.clean.reading import read_rows
from helpers.clean.report import Report
from helpers.clean.rows import MAX_TOKENS, clean_row, default_rules
from helpers.clean.splitting import Split, group_rows, split_rows
from helpers.clean.tokens import ChatTokenizer
from helpers.clean.workers import WorkerError
from helpers.files import load_jsonl, write_jsonl

__all__ = [
    "MAX_TOKENS",
    "ChatTokenizer",
    "Report",
    "Split",
    "WorkerError",
    "clean_files",
    "clean_row",
    "default_rules",
    "group_rows",
    "load_jsonl",
    "parse_columns",
    "read_rows",
    "split_rows",
    "write_jsonl",
]
