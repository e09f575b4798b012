"""Questions by hand with what people make of them, in the five kinds: "+" rewordings that say the same, "-" others with the
same answer that do not (a negation, a number, a name, a unit, an opposite, swapped roles, another word of one letter).

The rules were made on `duplicate_pairs_open.txt`. `duplicate_pairs_held.txt` was written before and scored once, when they
were done: of 331 rewordings 302 were found (262 before), of 173 others 5 were taken for the same (47 before). Two kinds of
those were mended afterwards: an opposite in a long text, and two words alike in a place that all rows share.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class Question:
    """A question with its answer, what says the same and what does not."""

    kind: str
    before: str
    text: str
    answer: str
    same: list[str] = field(default_factory=list)
    other: list[str] = field(default_factory=list)

    def row(self, text: str) -> dict:
        if self.kind == "tools":
            turns = (("system", self.before), ("user", text), ("assistant", self.answer))
            return {"messages": [{"role": role, "content": content} for role, content in turns]}
        return {"prompt": self.before + text, "completion": self.answer}


def questions(name: str) -> list[Question]:
    """The questions of one file: "@" a kind, "<" what stands before its texts, "=" an answer and a text."""
    found: list[Question] = []
    kind = before = ""
    for line in (Path(__file__).parent / f"duplicate_pairs_{name}.txt").read_text(encoding="utf-8").splitlines():
        mark, rest = line[0], line[1:]
        if mark == "@":
            kind = rest
        elif mark == "<":
            before = rest.replace("\\n", "\n")
        elif mark == "=":
            answer, text = rest.strip().split(" :: ", 1)
            found.append(Question(kind, before, text, answer))
        else:
            (found[-1].same if mark == "+" else found[-1].other).append(rest.split(" ", 1)[1])
    return found


def files(name: str, kind: str) -> Iterator[tuple[list[dict], list[bool | None]]]:
    """Files of all questions of a kind, the n-th rewording and the n-th other of each; whether a row says the same as one
    before, None for the questions."""
    asked = [question for question in questions(name) if question.kind == kind]
    for n in range(max(max(len(question.same), len(question.other)) for question in asked)):
        rows = [(question.row(question.text), None) for question in asked]
        for same in (True, False):
            for question in asked:
                texts = question.same if same else question.other
                rows += [(question.row(text), same) for text in texts[n : n + 1]]
        yield [row for row, _ in rows], [truth for _, truth in rows]
