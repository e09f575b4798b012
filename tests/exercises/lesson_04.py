"""Known wrong answers to the exercises of notebook 04, each with the words of its hint."""

PAD = """
import torch

def pad_batch(rows, pad_id):
    longest = {longest}
    batch = {{"input_ids": [], "attention_mask": [], "labels": []}}
    for row in rows:
        pads = longest - len(row["input_ids"])
        ids = row["input_ids"] + [pad_id] * pads
        batch["input_ids"].append(ids)
        batch["attention_mask"].append({mask})
        batch["labels"].append({labels})
    return {result}
"""
RIGHT = {
    "longest": 'max(len(row["input_ids"]) for row in rows)',
    "mask": '[1] * len(row["input_ids"]) + [0] * pads',
    "labels": 'row["labels"] + [-100] * pads',
    "result": "{name: torch.tensor(values) for name, values in batch.items()}",
}


def pad(**changed: str) -> str:
    return PAD.format(**RIGHT | changed)


NEWEST = """
from pathlib import Path

def newest_complete(folder):
    found = {found}
    return {result}
"""
WHOLE = '[path for path in Path(folder).glob("checkpoint-*") if (path / "complete").exists()]'
NUMBER = 'int(path.name.rpartition("-")[2])'


def newest(found: str = WHOLE, result: str = f"max(found, key=lambda path: {NUMBER}, default=None)") -> str:
    return NEWEST.format(found=found, result=result)


WRONG = {
    "mask_prompt": [
        ("def mask_prompt(ids, start):\n    ids[:start] = [-100] * start\n    return ids", "changed `ids` itself"),
        ("def mask_prompt(ids, start):\n    print(start)", "returns nothing"),
        ("def mask_prompt(ids, start):\n    return ids[start:]", "one entry for each token"),
        ("def mask_prompt(ids, start):\n    return [0] * start + ids[start:]", "0 is a token like any other"),
        (
            "def mask_prompt(ids, start):\n    return [-100] * (start - 1) + ids[start:] + [-100]",
            "shifted by one",
        ),
        (
            "def mask_prompt(ids, start):\n    return [-100] * start + ids[start:-1] + [-100]",
            "never graded on stopping",
        ),
        ("def mask_prompt(ids, start):\n    return ids[:start] + [-100] * len(ids[start:])", "other way round"),
        (
            "def mask_prompt(ids, start):\n    return [-100] * (start + 1) + ids[start + 1:]",
            "with the answer from 3 on",
        ),
    ],
    "pad_batch": [
        (pad(result='{"input_ids": torch.tensor(batch["input_ids"])}'), "has no attention_mask, labels"),
        (pad(result="batch"), "the model wants tensors"),
        (pad(longest="16"), "work for nothing"),
        (pad(mask="[1] * longest"), "would read the padding"),
        (pad(mask="[int(i != pad_id) for i in ids]"), "hides the row's own end token"),
        (pad(labels='row["labels"] + [pad_id] * pads'), "loss would be taken on padding"),
        (
            pad(labels='[-100 if i == pad_id else label for i, label in zip(ids, row["labels"] + [-100] * pads)]'),
            "has lost its label",
        ),
        (pad(labels='row["labels"][1:] + [-100] * (pads + 1)'), "has the labels"),
        (pad(mask='[0] * pads + [1] * len(row["input_ids"])'), "comes back as"),
    ],
    "newest_complete": [
        (newest(result="max(found)"), "compare the steps as numbers"),
        (newest(result="max(found, key=lambda path: path.stat().st_mtime)"), "compare the steps as numbers"),
        (newest(found='list(Path(folder).glob("checkpoint-*"))'), "cut off while it was written"),
        (
            newest(found='list(Path(folder).glob("checkpoint-*/complete"))', result="max(found, key=len(str(found)))"),
            "raised",
        ),
        (newest(found='sorted(Path(folder).glob("checkpoint-*/complete"))', result="found[-1]"), "that is the mark"),
        (newest(result=f"max(found, key=lambda path: {NUMBER}).name"), "no path from here"),
        (newest(result=f"max(found, key=lambda path: {NUMBER})"), "give None"),
        (newest(result=f"max(found, key=lambda path: {NUMBER}, default='')"), "wanted None"),
        (newest(result="None"), "checkpoint-12 is the newest"),
    ],
}
