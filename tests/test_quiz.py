"""The quizzes: their data, what a click says, and that a stored notebook shows the same questions."""

import nbformat
import pytest

from helpers import NOTEBOOKS, quiz

PARTS = {"04": range(5), "09": range(5, 10), "20": range(10, 21)}
QUESTIONS = {name: quiz.read_quiz(name) for name in PARTS}
EACH = [(name, question) for name in PARTS for question in QUESTIONS[name]]


@pytest.mark.parametrize("name", PARTS)
def test_ten_questions_on_the_lessons_before(name):
    questions = QUESTIONS[name]
    assert len(questions) == len({question.ask for question in questions}) == 10
    lessons = {int(lesson) for question in questions for lesson in question.lessons}
    assert lessons == set(PARTS[name])


@pytest.mark.parametrize("name", PARTS)
def test_neither_place_nor_length_gives_the_right_choice_away(name):
    questions = QUESTIONS[name]
    assert {question.right for question in questions} == set(quiz.LETTERS)
    lengths = [[len(text) for text, _ in question.choices] for question in questions]
    rights = [sizes[quiz.LETTERS.index(question.right)] for question, sizes in zip(questions, lengths)]
    assert sum(right == max(sizes) for right, sizes in zip(rights, lengths)) <= 4
    assert sum(right == min(sizes) for right, sizes in zip(rights, lengths)) <= 4


@pytest.mark.parametrize("name, question", EACH)
def test_one_choice_is_right_and_each_is_explained(name, question):
    assert question.right in quiz.LETTERS and len(question.choices) == len(quiz.LETTERS)
    texts, whys = zip(*question.choices)
    assert len(set(texts)) == len(set(whys)) == len(quiz.LETTERS)
    assert all(len(why.split()) > 5 and why.endswith(".") for why in whys)
    assert not any("*" in text for text in (question.ask, *texts, *whys))  # shown as it stands, not as emphasis


@pytest.mark.parametrize("name", PARTS)
def test_a_click_says_what_belongs_to_the_choice(name):
    questions = QUESTIONS[name]
    *asked, score = quiz.quiz_box(questions).children
    for question, box in zip(questions, asked, strict=True):
        _, buttons, said = box.children
        assert buttons.value is None and said.value == ""
        for letter, (_, why) in zip(quiz.LETTERS, question.choices):
            buttons.value = letter
            assert said.value.startswith(f"<b>{letter}: {'yes' if letter == question.right else 'no'}.</b>")
            assert said.value.endswith(quiz.plain(why))
    right = sum(question.right == quiz.LETTERS[0] for question in questions)  # each was answered with it first
    assert score.value == f"10 of 10 answered, {right} right at the first try."


def test_the_widget_shows_question_and_choices_with_their_code():
    choices = [[text, "why"] for text in ("one", "two", "three", "four")]
    asked = quiz.Question("what of `<a_b>`?", choices, "b", ["02"])
    text = quiz.quiz_box([asked]).children[0].children[0].value
    assert "<code>&lt;a&#95;b&gt;</code>" in text and text.count("<li>") == 4 and "(02)" in text


@pytest.mark.parametrize("name", PARTS)
def test_buttons_with_a_kernel_and_the_same_questions_stored(name, monkeypatch):
    shown = []
    monkeypatch.setattr("IPython.display.display", lambda data, raw: shown.append(data))
    quiz.show_quiz(name)
    assert shown[0][quiz.VIEW]["model_id"]
    (path,) = NOTEBOOKS.glob(f"{name}_*.ipynb")
    (cell,) = (cell for cell in nbformat.read(path, as_version=4).cells if "show_quiz" in cell.source)
    assert f'show_quiz("{name}")' in cell.source
    (stored,) = cell.outputs
    assert [{**stored.data, quiz.VIEW: shown[0][quiz.VIEW]}] == shown
    for question in QUESTIONS[name]:
        assert f"** {quiz.plain(question.ask)}\n" in stored.data["text/markdown"]
    assert stored.data["text/markdown"].count("<details>") == 10
