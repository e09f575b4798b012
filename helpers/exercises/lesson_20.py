"""Checks of the exercises of notebook 20: the sum that a merge is, and the gate in front of production."""

import math
from collections.abc import Callable, Sequence

import torch

from helpers.exercises import exercise, wrong

VOCABULARY = 12
END_OF_PROMPT, END = 10, 11
CONFIDENT = 6.0  # the logit of the token that a model prefers; all others have 0
ROWS, ANSWERED = 20, 3  # tickets, and tokens of an answer before its end

Ticket = tuple[torch.Tensor, torch.Tensor]


@exercise
def merge_by_hand(answer: Callable) -> str:
    """`answer(W, A, B, alpha, r)` is the merged matrix, (out, in)."""
    draw = torch.Generator().manual_seed(0)
    for rows, columns in ((6, 4), (5, 5)):
        W, A, B = (torch.randn(shape, generator=draw) for shape in ((rows, columns), (2, columns), (rows, 2)))
        before = W.clone()
        try:
            found = answer(W, A, B, 8, 2)
        except NotImplementedError:  # a RuntimeError, too
            raise
        except RuntimeError:
            wrong("the shapes do not fit: A is (r, in), B is (out, r). Which of their products is (out, in), like W?")
        if not torch.equal(W, before):
            wrong("W itself was changed: the next merge into this base would add a second adapter to the first")
        if not isinstance(found, torch.Tensor):
            wrong(f"it returned {type(found).__name__}, wanted the merged matrix")
        right = W + 4 * B @ A
        for other, hint in (
            (W + B @ A / 4, "the factor is upside down: a larger alpha makes a larger update"),
            (W + B @ A, "the factor is missing: B A is only half of what was trained, alpha / r is the other"),
            (W + 8 * B @ A, "the factor is alpha / r: alpha alone would grow with every rank that is added"),
            (W + 8 / math.sqrt(2) * B @ A, "alpha / sqrt(r) is rsLoRA; this adapter was trained with alpha / r"),
            (W - 4 * B @ A, "that takes the update away: it is what unmerge_adapter does"),
            (4 * B @ A, "that is the update alone: where is W?"),
        ):
            if found.shape == other.shape and torch.allclose(found, other, atol=1e-5):
                wrong(hint)
        if found.shape != right.shape or not torch.allclose(found, right, atol=1e-5):
            wrong("not W + alpha / r * B A: is a matrix transposed that should not be?")
    return "W + alpha / r * B A, and W is as it was. That sum, once for each layer, is all that a merge does."


class Model:
    """A language model made by hand, of VOCABULARY tokens: `replies` are its greedy answers by prompt.

    In an answer it gives its favourite token the logit `confident`; `first` stands in for that at the first token.
    `in_prompt` is what it adds to one logit inside each prompt, where no text is generated.
    """

    def __init__(self, replies: dict, confident: float = CONFIDENT, first: float | None = None, in_prompt: float = 0.0):
        self.replies, self.confident, self.in_prompt = replies, confident, in_prompt
        self.first = confident if first is None else first

    def answer(self, prompt: torch.Tensor) -> torch.Tensor:
        """The greedy answer to a prompt, (tokens,), its end included."""
        return torch.tensor(self.replies[tuple(prompt.tolist())])

    def logits(self, ids: torch.Tensor) -> torch.Tensor:
        """(tokens, vocabulary) for token ids (tokens,): row i predicts the token behind ids[i]."""
        tokens = ids.tolist()
        start = tokens.index(END_OF_PROMPT)
        logits = torch.zeros(len(tokens), VOCABULARY)
        logits[start // 2, 0] += self.in_prompt
        reply = self.replies[tuple(tokens[: start + 1])]
        for i, token in enumerate([*reply, END][: len(tokens) - start]):
            logits[start + i, token] = self.confident if i else self.first
        return logits


def tickets() -> list[Ticket]:
    """Prompts and their true answers, token ids: the answer is the first three tokens of the prompt, and the end."""
    draw = torch.Generator().manual_seed(0)
    letters = torch.randperm(10**5, generator=draw)[:ROWS].tolist()
    prompts = [[int(digit) for digit in f"{number:05}"] + [END_OF_PROMPT] for number in letters]
    return [(torch.tensor(prompt), torch.tensor([*prompt[:ANSWERED], END])) for prompt in prompts]


def replies(rows: Sequence[Ticket], wrong_at: Sequence[int], odd: int = 1) -> dict:
    """The true answers by prompt, with one token changed by `odd` in those at the positions `wrong_at`."""
    said = {tuple(prompt.tolist()): truth.tolist() for prompt, truth in rows}
    for at in wrong_at:
        reply = said[tuple(rows[at][0].tolist())]
        reply[1] = (reply[1] + odd) % 10
    return said


@exercise
def ship(answer: Callable) -> str:
    """`answer(merged, reference, tickets)` says whether this merge may go into production."""
    rows = tickets()
    usual = replies(rows, wrong_at=(0, 1, 2))
    reference = Model(usual)

    def ships(merged: Model) -> bool:
        return bool(answer(merged, reference, rows))

    if not ships(reference):
        wrong("the reference itself was stopped: is your limit on its score? It is the model that you chose")
    if not ships(Model(usual, confident=CONFIDENT + 0.02, in_prompt=9.0)):
        wrong(
            "a good bf16 file was stopped: its answers are the reference's, but one logit inside each prompt is off "
            "by 9. Where is text generated?"
        )
    if ships(Model(replies(rows, wrong_at=range(4, ROWS), odd=3))):
        wrong("the 4-bit merge passed: 4 of 20 answers are right")
    if ships(Model(replies(rows, wrong_at=(17, 18, 19)))):
        wrong(
            "a merge into the wrong revision passed: as many answers are right as before, 17 of 20, but six are other "
            "answers. Compare it with the reference, not only with the truth"
        )
    if ships(Model(usual, confident=CONFIDENT / 2)):
        wrong(
            "a merge with half of alpha passed: its 20 answers are equal, by luck, and its distributions are far off. "
            "Tickets are few, tokens are many: look at the logits of the answers, too"
        )
    if ships(Model(usual, first=CONFIDENT / 2)):
        wrong("a merge that is off at the first token of each answer passed: row i of the logits predicts token i + 1")
    return "the bf16 file passes; the 4-bit merge, the wrong revision and half of alpha are stopped."
