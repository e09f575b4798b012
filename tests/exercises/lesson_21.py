"""Known wrong answers to the exercises of notebook 21, and words of the hint that each must get."""


def asked(extra: str, rest: str = "'temperature': 0, 'max_tokens': 120") -> str:
    return f"def request(messages, scale):\n    return {{'messages': messages, {rest}, 'extra_body': {extra}}}\n"


def named(expression: str) -> str:
    return (
        "def gguf_name(name, table):\n"
        "    layer, half = name.removeprefix('base_model.model.').split('.lora_')\n"
        f"    return {expression}\n"
    )


LORA = "'lora': [{'id': 0, 'scale': scale}]"
GOOD = f"{{{LORA}, 'cache_prompt': False}}"

WRONG = {
    "request": [
        (asked(f"{{{LORA}}}"), "which field turns that off"),
        (asked(f"{{{LORA}, 'cache_prompt': True}}"), "which field turns that off"),
        (asked("{'cache_prompt': False}"), "at the scale that the server was started with"),
        (asked("{'lora': {'id': 0, 'scale': scale}, 'cache_prompt': False}"), "is a list of adapters"),
        (asked("{'lora': [{'id': 0, 'scale': 1.0}], 'cache_prompt': False}"), "is a list of adapters"),
        (asked(GOOD, "'max_tokens': 120"), "not greedy"),
        (asked(GOOD, "'temperature': 0"), "at most 120 tokens"),
        (asked(f"{{{LORA}}}", "'temperature': 0, 'max_tokens': 120, 'cache_prompt': False"), "goes into extra_body"),
    ],
    "gguf_name": [
        (named("f'{table[layer]}.lora_{half[0].lower()}.weight'"), "PEFT's order"),
        (named("f'{table[layer]}.weight.lora_{half[0]}'"), "small letters"),
        (named("f'{table[layer]}.lora_{half[0].lower()}'"), "the change of the layer's .weight"),
        (named("f'{table[layer]}.weight.lora_{half.lower()}'"), ".weight stands once"),
        (named("table[name]"), "the table has no"),
    ],
}
