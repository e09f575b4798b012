"""Check of the exercise of notebook 11: the card behind a number, as CUDA_VISIBLE_DEVICES renumbers it."""

from collections.abc import Callable

from helpers.exercises import exercise, wrong

CASES = ((0, "2,3", 2), (1, "2,3", 3), (0, "3,1", 3), (1, "3,1", 1), (0, "0", 0), (3, "0,1,2,3", 3), (1, "2,0,1", 0))
NONE = ((2, "2,3"), (0, ""), (3, "3,1"))


@exercise
def physical(answer: Callable) -> str:
    """`answer(number, visible)` is the physical GPU, or None."""
    for number, visible, right in CASES:
        asked = f"cuda:{number} of a process with CUDA_VISIBLE_DEVICES={visible}"
        try:
            found = answer(number, visible)
        except ValueError:
            wrong(f"{asked}: it raised. Do you look for the number in the list? It is the place in the list")
        if isinstance(found, str) and found.strip() == str(right):
            wrong(f"{found!r} is a text, wanted the number {right}")
        gpus = [int(gpu) for gpu in visible.split(",")]
        if found != right and found == sorted(gpus)[number]:
            wrong(f"{asked}: the order is that of the variable, 3 before 1, not that of the numbers")
        if found != right and number in gpus and found == gpus.index(number):
            wrong(f"{asked}: that is the way back, from the card to its number")
        if found != right:
            wrong(f"{asked} is GPU {right}, not {found}: inside the process the numbering starts at 0 again")
    for number, visible in NONE:
        asked = f"cuda:{number} of a process with CUDA_VISIBLE_DEVICES={visible!r}"
        try:
            found = answer(number, visible)
        except (IndexError, ValueError) as error:
            wrong(f"{asked}: it raised {type(error).__name__}. There is no such GPU, so the answer is None")
        if found is not None:
            wrong(f"{asked} is none, not {found}: this is the invalid device ordinal")
    if answer(-1, "2,3") is not None:
        wrong("cuda:-1 is no GPU: Python counts from the end where a number is negative, CUDA does not")
    return "a place in the list, in the order of the variable, and nothing beyond its end."
