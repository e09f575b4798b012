"""The cleaner: raw files in any common format and encoding become validated, repaired, de-duplicated chat rows.

encoding and reading (files to rows) -> formats (rows to messages) -> repair, privacy, checks (rows) -> duplicates,
splitting (between rows) -> cleaning (all of it, over files).
"""

from helpers.data.cleaning import Report, clean_files
from helpers.data.files import load_jsonl, write_jsonl
from helpers.data.reading import read_rows
from helpers.data.rows import MAX_TOKENS, clean_row, default_rules
from helpers.data.splitting import Split, group_rows, split_rows

__all__ = [
    "MAX_TOKENS",
    "Report",
    "Split",
    "clean_files",
    "clean_row",
    "default_rules",
    "group_rows",
    "load_jsonl",
    "read_rows",
    "split_rows",
    "write_jsonl",
]
