"""Checks of the exercises of notebook 24: the same global batch on other machines, and the rows that a rank holds."""

from collections.abc import Callable

from helpers.exercises import exercise, wrong

# (rows a step, processes, rows that fit at a time): (rows at a time, accumulation)
BATCHES = {
    (8, 1, 4): (4, 2),
    (8, 2, 4): (4, 1),
    (64, 8, 4): (4, 2),
    (64, 4, 32): (16, 1),
    (24, 2, 5): (4, 3),
    (14, 2, 4): (1, 7),
}
IMPOSSIBLE = ((10, 4, 8), (4, 8, 8))


@exercise
def batch_settings(answer: Callable) -> str:
    """`answer(rows, processes, fits)` is (rows at a time, accumulation) for exactly `rows` rows a step."""
    for (rows, processes, fits), right in BATCHES.items():
        asked = f"{rows} rows, {processes} processes, {fits} fit"
        found = answer(rows, processes, fits)
        if not isinstance(found, tuple) or len(found) != 2:
            wrong(f"it returned {found!r}, wanted two numbers: rows at a time, accumulation")
        batch, accumulation = found
        if any(type(number) is not int for number in found):
            wrong(f"{asked}: {found} are not both whole numbers; a part of a row cannot be trained on")
        seen = processes * batch * accumulation
        if seen == rows * processes and processes > 1:
            wrong(f"{asked}: a step would see {seen} rows; each process takes rows of its own")
        if batch > fits:
            wrong(f"{asked}: {batch} at a time do not fit on one GPU")
        if seen != rows:
            wrong(f"{asked}: {batch} x {accumulation} on each makes {seen} rows a step: rounding changes the run")
        if found == right[::-1] or batch < right[0]:
            wrong(f"{asked}: {batch} at a time would do, but {right[0]} fit, and fewer, larger pieces are quicker")
    for rows, processes, fits in IMPOSSIBLE:
        try:
            found = answer(rows, processes, fits)
        except ValueError:
            continue
        wrong(f"{rows} rows on {processes} processes: no setting does that, so raise ValueError; it returned {found}")
    return "the rows a step stay, whatever the machines: it is the same run, and the same learning rate fits."


@exercise
def rows_held(answer: Callable) -> str:
    """`answer(rank, rows, processes)` is the number of rows that `torch.chunk` gives that rank."""
    import torch

    for rows, processes in ((8, 2), (10, 4), (9, 4), (4, 8), (10, 8), (151, 2)):
        pieces = [len(piece) for piece in torch.arange(rows).chunk(processes)]
        right = pieces + [0] * (processes - len(pieces))
        found = [answer(rank, rows, processes) for rank in range(processes)]
        case = f"{rows} rows, {processes} ranks: {found}"
        if found == right:
            continue
        if any(count < 0 for count in found):
            wrong(f"{case}; a rank that comes too late holds nothing, not less than nothing")
        if sum(found) < rows:
            wrong(f"{case}; {rows - sum(found)} rows lie nowhere: the height is rounded up, not down")
        if sum(found) > rows:
            wrong(f"{case}; there are not that many rows: the last ranks get what is left, which may be nothing")
        wrong(f"{case}, wanted {right}: pieces of one height until nothing is left, not as even as can be")
    return "equal pieces, rounded up: the last rank may hold less than the others, and some ranks nothing."
