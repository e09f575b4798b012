"""The check of notebook 14's exercise: ids and labels of a prompt and its answer."""

from collections.abc import Callable

from helpers.exercises import exercise, wrong

PROMPT, ANSWER, END = [11, 12, 13], [21, 22], 2
NAMES = ("input_ids", "attention_mask", "labels")


@exercise
def labelled(answer: Callable) -> str:
    """`answer(prompt, answer, end)` is the dict of input_ids, attention_mask and labels."""
    prompt, given = list(PROMPT), list(ANSWER)
    found = answer(prompt, given, END)
    if not isinstance(found, dict):
        wrong(f"wanted is a dict, and it returned {type(found).__name__}")
    if missing := [name for name in NAMES if name not in found]:
        wrong(f"the dict has no {', '.join(missing)}: the columns are named as the model's forward names them")
    if prompt != PROMPT or given != ANSWER:
        wrong("it changed the lists that it was given: + makes a new list, += and extend change the old one")
    ids, mask, labels = (list(found[name]) for name in NAMES)
    if ids == PROMPT + ANSWER:
        wrong("the end of the turn is not in input_ids: a model that never sees it never stops")
    if ids != [*PROMPT, *ANSWER, END]:
        wrong(f"input_ids are {ids}, and wanted is the prompt, then the answer, then the end")
    if len(labels) != len(ids):
        wrong(f"{len(labels)} labels for {len(ids)} ids: each id has one, and -100 is the one that teaches nothing")
    if labels == ids:
        wrong("the prompt teaches, too: its labels should be -100, so that the loss is the answer's alone")
    if labels[:-1] == ids[1:] or labels[:-1] == [-100, -100, *ANSWER, END]:
        wrong("shifted by one: the model does that itself, where it computes the loss")
    if labels[: len(PROMPT)] == [0] * len(PROMPT):
        wrong("0 is a token, and would be learned: the label without a loss is -100")
    if labels == [-100] * len(PROMPT) + [*ANSWER, -100]:
        wrong("the end of the turn has no label: nothing teaches the model to stop")
    if labels != [-100] * len(PROMPT) + [*ANSWER, END]:
        wrong(f"labels are {labels} for input_ids {ids}: -100 over the prompt, the ids themselves from there on")
    if mask != [1] * len(ids):
        wrong(f"attention_mask is {mask}: every token is read, the prompt's, too; only padding has a 0")
    return "the prompt is read, the answer and its end are learned, and the shift is left to the model."
