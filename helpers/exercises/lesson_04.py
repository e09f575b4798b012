"""Checks of the exercises of notebook 04: the loss mask, the padding of a batch, and the checkpoint to go on from."""

import os
import tempfile
from collections.abc import Callable
from pathlib import Path

from helpers.exercises import exercise, wrong

END = 2
IDS = [11, 12, 13, 21, 22, END]
START = 3
IGNORED = -100


@exercise
def mask_prompt(answer: Callable[[list[int], int], list[int]]) -> str:
    """`answer(ids, answer_start)` gives the labels of one conversation whose answer begins at `answer_start`."""
    given = list(IDS)
    labels = answer(given, START)
    if given != IDS:
        wrong("it has changed `ids` itself, and the model would read -100 as a token: make a new list")
    if labels is None:
        wrong("it returns nothing")
    labels = list(labels)
    if labels == IDS[START:]:
        wrong("only the answer came back: labels have one entry for each token, the prompt's too")
    if labels[:START] == [0] * START:
        wrong("0 is a token like any other, and the loss would count it: the loss leaves out -100 and nothing else")
    if labels == [IGNORED] * (START - 1) + IDS[START:] + [IGNORED]:
        wrong("shifted by one: the model does that itself inside its loss; a label stands at its own token")
    if labels == [IGNORED] * START + IDS[START:-1] + [IGNORED]:
        wrong("the end of turn is masked as well: a model that is never graded on stopping does not learn to stop")
    if labels == IDS[:START] + [IGNORED] * (len(IDS) - START):
        wrong("the other way round: the prompt is what the model only has to read")
    for start in (START, 0, len(IDS)):
        found, wanted = list(answer(list(IDS), start)), [IGNORED] * start + IDS[start:]
        if found != wanted:
            wrong(f"for {IDS} with the answer from {start} on it gives {found}, wanted {wanted}")
    return "one label a token, -100 over the prompt, the answer's own ids behind it, its end of turn included."


@exercise
def pad_batch(answer: Callable[[list[dict], int], dict]) -> str:
    """`answer(rows, pad_id)` makes one batch of rows of unequal length: input_ids, attention_mask and labels."""
    import torch

    rows = [
        {"input_ids": [11, 12, 21, END], "labels": [IGNORED, IGNORED, 21, END]},
        {"input_ids": [11, 12, 13, 14, 22, END], "labels": [IGNORED] * 4 + [22, END]},
    ]
    batch = answer(rows, END)  # the pad token is the end token, as in many recipes
    missing = {"input_ids", "attention_mask", "labels"} - set(batch)
    if missing:
        wrong(f"the batch has no {', '.join(sorted(missing))}")
    for name in ("input_ids", "attention_mask", "labels"):
        if not isinstance(batch[name], torch.Tensor):
            wrong(f"{name} is a {type(batch[name]).__name__}: the model wants tensors")
    longest = max(len(row["input_ids"]) for row in rows)
    for name, tensor in batch.items():
        if tensor.ndim == 2 and tensor.shape[1] > longest:
            wrong(f"padded to {tensor.shape[1]} tokens, but the longest row has {longest}: that is work for nothing")
        if tuple(tensor.shape) != (2, longest):
            wrong(f"{name} has the shape {tuple(tensor.shape)}, wanted (2, {longest})")
    ids, mask, labels = (batch[name][0].tolist() for name in ("input_ids", "attention_mask", "labels"))
    pads = [position for position in range(longest) if ids[position] == END and position != rows_end(ids)]
    if mask == [1] * longest:
        wrong("the attention mask is 1 everywhere: the model would read the padding")
    if mask == [int(i != END) for i in ids]:
        wrong("the attention mask hides the row's own end token, which has the pad's id: mask by position, not by id")
    if all(labels[position] == END for position in pads):
        wrong("the labels are padded with the pad token, and the loss would be taken on padding: pad them with -100")
    if [label for label, real in zip(labels, mask, strict=True) if real] == [*rows[0]["labels"][:-1], IGNORED]:
        wrong("the row's own end token has lost its label, since it has the pad's id: mask by position, not by id")
    for i, row in enumerate(rows):
        real = batch["attention_mask"][i].bool()
        padding = set(batch["labels"][i][~real].tolist()) | {IGNORED}
        if batch["input_ids"][i][real].tolist() != row["input_ids"] or padding != {IGNORED}:
            wrong(f"row {i} comes back as {batch['input_ids'][i].tolist()} with the mask {real.int().tolist()}")
        if batch["labels"][i][real].tolist() != row["labels"]:
            wrong(
                f"row {i} has the labels {batch['labels'][i].tolist()}, wanted {row['labels']} and -100 at the padding"
            )
    return "as wide as the longest row, and padding is known by its place, so the pad token may be any token."


def rows_end(ids: list[int]) -> int:
    """Where the short row's own end token stands: behind its 21, on whichever side the padding is."""
    return ids.index(21) + 1 if 21 in ids else -1


@exercise
def newest_complete(answer: Callable[[str], str | Path | None]) -> str:
    """`answer(folder)` gives the newest checkpoint in which the file `complete` lies, or None."""
    with tempfile.TemporaryDirectory() as work:
        folder = Path(work) / "run"
        for step in (8, 12, 100):
            (folder / f"checkpoint-{step}").mkdir(parents=True)
        for step in (12, 8):
            (folder / f"checkpoint-{step}" / "complete").touch()
        (folder / "runs").mkdir()
        for step, age in ((8, 0), (12, 3600), (100, 1800)):  # as after a copy, which keeps no order in time
            made = (folder / f"checkpoint-{step}").stat().st_mtime - age
            os.utime(folder / f"checkpoint-{step}", (made, made))
        found = answer(str(folder))
        name = "None" if found is None else Path(found).name
        if name == "checkpoint-100":
            wrong("checkpoint-100 was cut off while it was written, it has no file `complete`: going on from it fails")
        if name == "checkpoint-8":
            wrong(
                "checkpoint-8 is last in the alphabet and in time, but 12 is more than 8: compare the steps as numbers"
            )
        if name == "complete":
            wrong("that is the mark, not the checkpoint that it lies in")
        if name != "checkpoint-12":
            wrong(f"it gives {name} where checkpoint-12 is the newest whole one")
        if not Path(str(found)).is_dir():
            wrong(f"{found!r} is no path from here: give the folder together with the checkpoint's name")
        empty = Path(work) / "new"
        empty.mkdir()
        try:
            nothing = answer(str(empty))
        except (ValueError, IndexError):
            wrong("where there is no whole checkpoint it fails: give None, a run that was stopped early starts anew")
        if nothing is not None:
            wrong(f"where there is no whole checkpoint it gives {nothing!r}, wanted None")
    return "the highest step among the whole ones, and None where there is nothing to go on from."
