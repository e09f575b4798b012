"""Checks of the lessons' exercises: one module a lesson, one check an exercise, named as the function to write.

A check says what is missing instead of stopping the notebook: not written yet, a hint for each known misconception, or
what the right answer shows.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import update_wrapper
from typing import Any, NoReturn

__all__ = ["Verdict", "exercise", "wrong"]


class Hint(Exception):
    """The answer is wrong in a way that the check knows; the message is the hint."""


@dataclass(frozen=True)
class Verdict:
    """What a check found: whether the answer is right, and the sentence for the learner."""

    passed: bool
    text: str


class Check:
    """A check that prints its verdict when called with the learner's answer, and returns it from `verdict`."""

    def __init__(self, examine: Callable[[Any], str]):
        self.examine = examine
        update_wrapper(self, examine)

    def verdict(self, answer) -> Verdict:
        """The verdict on `answer`, usually a function; whatever it raises is part of the verdict."""
        try:
            return Verdict(True, f"Right: {self.examine(answer)}")
        except NotImplementedError:
            return Verdict(False, "Not written yet: replace `raise NotImplementedError`, then run both cells again.")
        except Hint as hint:
            return Verdict(False, f"Not yet: {hint}")
        except Exception as error:  # whatever the learner's code raises
            return Verdict(False, f"Not yet: it raised {type(error).__name__}: {error}")

    def __call__(self, answer) -> None:
        print(self.verdict(answer).text)


def exercise(examine: Callable[[Any], str]) -> Check:
    """Turn a function that examines an answer into a check.

    It calls `wrong` with a hint, or returns what the right answer shows.
    """
    return Check(examine)


def wrong(hint: str) -> NoReturn:
    """End a check with a hint for the learner."""
    raise Hint(hint)
