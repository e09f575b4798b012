"""Known wrong answers to the exercises of notebook 06, and words of the hint that each must get."""


def masking(*lines: str) -> str:
    return "def mask(ids, marker):\n" + "".join(f"    {line}\n" for line in lines)


def fault(*lines: str) -> str:
    return "def find_fault(model, optimizer, batch):\n" + "".join(f"    {line}\n" for line in lines)


def rate(*lines: str) -> str:
    body = ["import math", "import numpy as np", *lines]
    return "def find_rate(loss_at):\n" + "".join(f"    {line}\n" for line in body)


PLACES = "n = len(marker); places = [i for i in range(len(ids)) if ids[i:i + n] == marker]"
LABELS = "if (batch['labels'] == -100).all(): return 'labels'"
TRAINED = "trained = {k: p for k, p in model.named_parameters() if p.requires_grad}"
FROZEN = "if not trained: return 'frozen'"
BACK = "model(**batch).loss.backward()"
GRADIENTS = "grads = {k: p.grad for k, p in trained.items() if 'lora_B' in k}"
NONE = "none = all(g is None or not g.any() for g in grads.values()); model.zero_grad()"
ZERO = "model.zero_grad()"
HALVES = "rates = [10 ** (k / 2) for k in range(-10, -1)]"

WRONG = {
    "mask": [
        (masking("print(ids)"), "returned None"),
        (masking(PLACES, "return ids[places[-1] + n:]"), "keep the places"),
        (masking(PLACES, "at = places[-1]", "return [-100] * at + ids[at:]"), "the marker is graded"),
        (masking("return list(ids)"), "the marker is graded"),
        (masking(PLACES, "at = places[0] + n", "return [-100] * at + ids[at:]"), "take the last one"),
        (
            masking(PLACES, "at = places[-1] + n if places else len(ids)", "return [-100] * at + ids[at:]"),
            "without a word",
        ),
        (
            masking(
                PLACES,
                "if not places: raise ValueError('no marker')",
                "at = places[-1] + n",
                "return [-100] * at + ids[at:]",
            ),
            "nothing behind the marker",
        ),
    ],
    "find_fault": [
        (fault("print(model)"), "returned None"),
        (fault("return 'healthy'"), "has a label but -100"),
        (
            fault(TRAINED, BACK, "if any(not p.grad.any() for p in trained.values()): return 'no gradient'"),
            "As long as B is zero",
        ),
        (fault("if (batch['labels'][0] == -100).all(): return 'labels'", "return 'healthy'"), "not all of them"),
        (fault(LABELS, BACK, ZERO, "return 'healthy'"), "ask before backward"),
        (fault(LABELS, TRAINED, FROZEN, BACK, "return 'healthy'"), "leaves its gradients behind"),
        (
            fault(
                LABELS,
                TRAINED,
                FROZEN,
                BACK,
                "arrived = any(p.grad is not None and p.grad.any() for p in trained.values())",
                ZERO,
                "return 'healthy' if arrived else 'no gradient'",
            ),
            "one that arrives is not enough",
        ),
        (
            fault(
                LABELS,
                TRAINED,
                FROZEN,
                BACK,
                GRADIENTS,
                NONE,
                "if none: return 'no gradient'",
                "return 'healthy' if optimizer.param_groups[0]['params'] else 'optimizer'",
            ),
            "whether it is the same tensor",
        ),
    ],
    "find_rate": [
        (rate("loss_at(1e-3)"), "returned None"),
        (rate("return 2e-4"), "never called"),
        (rate(HALVES, "return rates[int(np.argmin([loss_at(r) for r in rates]))]"), "the loss is nan"),
        (rate("return min(np.geomspace(1e-5, 1e-1, 60), key=loss_at)"), "60 runs"),
        (
            rate(
                "best, now = 1e-5, loss_at(1e-5)",
                "while (after := loss_at(best * 10 ** 0.5)) < now - 0.1: best, now = best * 10 ** 0.5, after",
                "return best",
            ),
            "no reason to stop",
        ),
        (rate(HALVES, "return max(r for r in rates if math.isfinite(loss_at(r)))"), "not yet the best"),
        (
            rate(
                "rates = np.linspace(1e-5, 1e-1, 10)",
                "found = {r: loss_at(r) for r in rates}",
                "return min((r for r in rates if math.isfinite(found[r])), key=found.get)",
            ),
            "times too high",
        ),
    ],
}
