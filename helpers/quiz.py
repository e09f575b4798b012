"""The quizzes at the ends of the course's parts: ten questions, answered in the notebook, every choice explained.

`data/quizzes/NN.toml` has the questions. With a kernel they have buttons, and a stored notebook shows them as text.
"""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from helpers import DATA, NOTEBOOKS
from helpers.myths import plain

if TYPE_CHECKING:
    from ipywidgets import HTML, VBox

LETTERS = "abcd"
VIEW = "application/vnd.jupyter.widget-view+json"


@dataclass(frozen=True)
class Question:
    """A question with a choice for each letter, as [text, what is said to who takes it]; code stands in backticks.

    `right` is the letter of the right choice, `lessons` are the numbers of the notebooks that it is about.
    """

    ask: str
    choices: list[list[str]]
    right: str
    lessons: list[str]


def read_quiz(name: str) -> list[Question]:
    """The questions at the end of notebook `name`, such as "04"."""
    with (DATA / "quizzes" / f"{name}.toml").open("rb") as file:
        return [Question(**one) for one in tomllib.load(file)["questions"]]


def show_quiz(name: str) -> None:
    """Show the quiz of notebook `name`: buttons where there is a kernel, else text with the answers folded."""
    from IPython.display import display

    questions = read_quiz(name)
    view = {"version_major": 2, "version_minor": 0, "model_id": quiz_box(questions).model_id}
    text = f"{len(questions)} questions"
    display({VIEW: view, "text/markdown": quiz_text(questions), "text/plain": text}, raw=True)


def quiz_text(questions: Sequence[Question]) -> str:
    """The quiz as Markdown, for readers without a kernel."""
    return "\n\n---\n\n".join(_as_text(number, question) for number, question in enumerate(questions, 1))


def _as_text(number: int, question: Question) -> str:
    choices = zip(LETTERS, question.choices)
    lines = [f"**{number}.** {plain(question.ask)}", ""]
    lines += [f"- **{letter}** · {plain(text)}" for letter, (text, _) in choices]
    lines += ["", "<details><summary>Answer</summary>", ""]
    lines += [f"- {explain(question, letter)}" for letter in LETTERS]
    links = ", ".join(f"[{lesson}]({next(NOTEBOOKS.glob(f'{lesson}_*')).name})" for lesson in question.lessons)
    return "\n".join([*lines, "", f"To read again: {links}.", "", "</details>"])


def explain(question: Question, letter: str) -> str:
    """What is said to who takes that choice, as HTML that Markdown leaves alone."""
    verdict = "yes" if letter == question.right else "no"
    return f"<b>{letter}: {verdict}.</b> {plain(question.choices[LETTERS.index(letter)][1])}"


def quiz_box(questions: Sequence[Question]) -> VBox:
    """The questions one below the other, each with a button for a choice and room for what is said to it.

    The last line counts the questions whose first answer was right.
    """
    import ipywidgets

    first: dict[int, str] = {}
    score = ipywidgets.HTML()

    def ask(number: int, question: Question) -> VBox:
        said = ipywidgets.HTML()
        buttons = ipywidgets.ToggleButtons(options=list(LETTERS), value=None, style={"button_width": "3em"})

        def answer(change: dict) -> None:
            first.setdefault(number, change["new"])
            said.value = explain(question, change["new"])
            right = sum(questions[at - 1].right == letter for at, letter in first.items())
            score.value = f"{len(first)} of {len(questions)} answered, {right} right at the first try."

        buttons.observe(answer, "value")
        return ipywidgets.VBox([_as_html(number, question), buttons, said], layout={"margin": "0 0 1.5em 0"})

    return ipywidgets.VBox([*(ask(number, question) for number, question in enumerate(questions, 1)), score])


def _as_html(number: int, question: Question) -> HTML:
    import ipywidgets

    items = "".join(f"<li>{plain(text)}</li>" for text, _ in question.choices)
    lessons = ", ".join(question.lessons)
    return ipywidgets.HTML(f'<b>{number}.</b> {plain(question.ask)} ({lessons})<ol type="a">{items}</ol>')
