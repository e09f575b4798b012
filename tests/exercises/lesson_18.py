"""Known wrong answers to the exercise of notebook 18, and words of the hint that each must get."""

HOOKS = """
import torch

def overflows(model, inputs):
    found = []

    def look(name):
        def hook(module, args, output):
            if {condition}:
                found.append(name)
        return hook

    handles = [module.register_forward_hook(look(name)) for name, module in model.named_modules(){only}]
    with torch.no_grad():
        {run}
    {clean}
    return {result}
"""
USUAL = {
    "condition": "output.abs().max() > torch.finfo(torch.float16).max",
    "only": " if isinstance(module, torch.nn.Linear)",
    "run": "model(inputs)",
    "clean": "[handle.remove() for handle in handles]",
    "result": "found",
}


def hooks(**changed: str) -> str:
    return HOOKS.format(**{**USUAL, **changed})


def plain(body: str) -> str:
    return f"import torch\n\ndef overflows(model, inputs):\n    {body}\n"


WRONG = {
    "overflows": [
        (plain("return []"), "look at every layer"),
        (plain("return ['1'] if model(inputs).abs().max() > 65504 else []"), "look at every layer"),
        (hooks(result="None"), "returned None"),
        (hooks(condition="output.max() > 65504"), "abs() missing"),
        (hooks(condition="output.abs().max() > 60000"), "65,000 still fits"),
        (
            plain(
                "return [n for n, m in model.named_modules() if hasattr(m, 'weight') and m.weight.abs().max() > 65504]"
            ),
            "it is the output that counts",
        ),
        (hooks(clean="pass"), "remove each hook"),
        (hooks(run="model.half()(inputs.half())"), "its dtype has changed"),
        (hooks(only=""), "torch.nn.Linear modules only"),
        (hooks(condition="output.abs().max() > 65504 or True", result="found[:1]"), "65,000 still fits"),
        (hooks(result="sorted(found, reverse=True)"), "the order is not"),
    ]
}
