"""What a benchmark is run with."""

from dataclasses import dataclass

from helpers.profiles import Profile


@dataclass(frozen=True)
class Options:
    """What a benchmark is run with. `rows` are row counts for the cleaner, `steps` the steps of one timed training,
    `new_tokens` the tokens of one timed answer, `blocks` and `length` the model and the row of one timed step."""

    profile: Profile
    repeats: int = 5
    rows: tuple[int, ...] = (10_000, 100_000)
    steps: int = 3
    new_tokens: int = 64
    blocks: int = 4
    length: int = 128
