"""The check of notebook 26's exercise: rows of different lengths as one batch, with nothing counted that is filling."""

from collections.abc import Callable

import torch

from helpers.exercises import exercise, wrong

PAD, END, LEFT_OUT = 0, 2, -100
ROWS = [
    {"input_ids": [7, 8, 9, END], "labels": [LEFT_OUT, 8, 9, END]},
    {"input_ids": [7, END], "labels": [LEFT_OUT, END]},
    {"input_ids": [5, 6, END], "labels": [5, 6, END]},
]


@exercise
def collate(answer: Callable) -> str:
    """`answer(rows, pad_id)` is the batch as a dict of tensors."""
    batch = answer([dict(row) for row in ROWS], PAD)
    if not isinstance(batch, dict) or {"input_ids", "labels"} - set(batch):
        wrong("wanted is a dict with input_ids, attention_mask and labels")
    if "attention_mask" not in batch:
        wrong("without an attention mask the model reads the filling as text: which entries were there?")
    for name, tensor in batch.items():
        if not isinstance(tensor, torch.Tensor) or tensor.shape != (3, 4):
            wrong(f"{name} is no tensor of shape (3, 4): each column is filled up to the longest row, labels too")
    if batch["input_ids"].tolist() != [[7, 8, 9, END], [7, END, PAD, PAD], [5, 6, END, PAD]]:
        wrong("input_ids are not the rows, filled up with pad_id on the right. (To the left is for generation.)")
    if batch["attention_mask"].tolist() != [[1, 1, 1, 1], [1, 1, 0, 0], [1, 1, 1, 0]]:
        wrong("attention_mask is not 1 for what was there and 0 for the filling")
    if (batch["labels"] == PAD).any():
        wrong("labels are filled with the padding token, so the loss counts the filling: its value is -100")
    if batch["labels"].tolist() != [[LEFT_OUT, 8, 9, END], [LEFT_OUT, END] + [LEFT_OUT] * 2, [5, 6, END, LEFT_OUT]]:
        wrong("labels are not the rows' own labels: what the prompt had left out must stay left out, at -100")
    as_end = answer([dict(row) for row in ROWS], END)
    if (as_end["labels"] == END).sum() != len(ROWS):
        wrong(
            "with the end token as padding the ends went out of the labels, and the model would never learn to stop: "
            "fill up by length, do not look for the padding token"
        )
    if as_end["attention_mask"].sum() != sum(len(row["input_ids"]) for row in ROWS):
        wrong("with the end token as padding the mask hides the true ends, too: it goes by length, not by value")
    return "one length, the filling masked and not counted, and the ends are kept even where they are the padding."
