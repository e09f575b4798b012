"""What the tests of the cleaner share: a quick stand-in tokenizer, a cleaner of bytes, and a checker of its books."""

import json
from pathlib import Path

from helpers.clean import clean_files
from helpers.files import load_jsonl


class WordTokenizer:
    """One token per word, no chat template: the cleaner only asks for the length and the control tokens."""

    name_or_path = "words"
    chat_template = None
    all_special_tokens = ("<|im_end|>", "<|im_start|>")

    def __call__(self, text, **_):
        return {"input_ids": text.split()}


class LetterTokenizer(WordTokenizer):
    """One token per two characters, for Chinese."""

    def __call__(self, text, **_):
        return {"input_ids": text[::2]}


def clean_bytes(folder: Path, content: bytes, name: str = "in.jsonl", **options):
    """Clean one file of these bytes: (report, kept rows, rejects). The books must balance, whatever went in."""
    folder.mkdir(exist_ok=True)
    source = folder / name
    source.write_bytes(content)
    return clean_paths(folder, [source], **options)


def clean_paths(folder: Path, sources: list[Path], **options):
    """Clean these files and check that no row was lost on the way."""
    out, rejects = folder / "clean.jsonl", folder / "rejects.jsonl"
    settings = {"tokenizer": WordTokenizer(), "max_tokens": 400} | options
    report = clean_files(sources, out, rejects, folder / "report.json", **settings)
    kept, refused = load_jsonl(out), load_jsonl(rejects)
    assert report.kept == len(kept) and report.rejected == len(refused)
    assert report.kept + report.rejected == report.rows_in
    assert sum(report.reasons.values()) == report.rejected
    assert json.loads((folder / "report.json").read_text(encoding="utf-8"))["rows_in"] == report.rows_in
    assert all({"file", "line", "reason", "raw"} <= set(row) and row["line"] >= 1 for row in refused)
    return report, kept, refused


def lines(*rows, encoding: str = "utf-8") -> bytes:
    """Rows as a JSONL file."""
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode(encoding)


def ask(question: str, answer) -> dict:
    """An Alpaca row."""
    return {"instruction": question, "input": "", "output": answer}


def contents(row: dict) -> list[str]:
    """The texts of a clean row."""
    return [message["content"] for message in row["messages"]]
