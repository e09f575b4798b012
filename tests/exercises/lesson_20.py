"""Known wrong answers to the exercises of notebook 20, and words of the hint that each must get."""


def merged(expression: str) -> str:
    return f"def merge_by_hand(W, A, B, alpha, r):\n    return {expression}\n"


def gate(body: str) -> str:
    lines = "".join(f"    {line}\n" for line in body.strip("\n").splitlines())
    return f"import torch\n\ndef ship(merged, reference, tickets):\n{lines}"


LARGEST = """
worst = 0.0
for prompt, _ in tickets:
    ids = torch.cat([prompt, reference.answer(prompt)])
    worst = max(worst, (merged.logits(ids) - reference.logits(ids)).abs().max().item())
return worst < {limit}
"""
SCORE = """
def score(model):
    return sum(torch.equal(model.answer(prompt), truth) for prompt, truth in tickets)
return score(merged) >= score(reference) - 1
"""
ANSWERS = """
same = [torch.equal(merged.answer(prompt), reference.answer(prompt)) for prompt, _ in tickets]
return sum(same) >= 0.95 * len(same)
"""
KL = """
kl, same = [], []
for prompt, _ in tickets:
    answer = reference.answer(prompt)
    ids = torch.cat([prompt, answer])
    at = slice({start}, {stop})
    p, q = (model.logits(ids)[at].log_softmax(-1) for model in (reference, merged))
    kl.append((p.exp() * (p - q)).sum(-1))
    same.append(torch.equal(merged.answer(prompt), answer))
return torch.cat(kl).mean() <= 0.001 and sum(same) >= 0.95 * len(same)
"""

WRONG = {
    "merge_by_hand": [
        (merged("W + alpha / r * A @ B"), "the shapes do not fit"),
        (merged("W + alpha / r * (B @ A).T"), "the shapes do not fit"),
        (merged("W + r / alpha * B @ A"), "upside down"),
        (merged("W + B @ A"), "the factor is missing"),
        (merged("W + alpha * B @ A"), "alpha alone"),
        (merged("W + alpha / r**0.5 * B @ A"), "rsLoRA"),
        (merged("W - alpha / r * B @ A"), "takes the update away"),
        (merged("alpha / r * B @ A"), "where is W"),
        (merged("W.add_(B @ A, alpha=alpha / r)"), "W itself was changed"),
        (merged("None"), "returned NoneType"),
    ],
    "ship": [
        (gate("return True"), "the 4-bit merge passed"),
        (gate("return False"), "the reference itself was stopped"),
        (gate(LARGEST.format(limit=0.05)), "Where is text generated"),
        (gate(LARGEST.format(limit=20)), "the 4-bit merge passed"),
        (gate(SCORE), "wrong revision"),
        (gate(ANSWERS), "half of alpha"),
        (gate(KL.format(start="0", stop="None")), "Where is text generated"),
        (gate(KL.format(start="len(prompt)", stop="len(ids) - 1")), "off at the first token"),
    ],
}
