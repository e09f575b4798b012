"""Known wrong answers to the exercise of notebook 19, and words of the hint that each must get."""


def answer(expression: str) -> str:
    return (
        "import torch\n\ndef endangered(model, targets):\n"
        "    table, head = model.get_input_embeddings(), model.get_output_embeddings()\n"
        f"    return {expression}\n"
    )


NAMED = "{'embed_tokens', 'lm_head'} & set(targets)"

WRONG = {
    "endangered": [
        (answer("False"), "the notebook's own case"),
        (answer("table.weight is head.weight"), "`q_proj` alone"),
        (answer("table.weight is head.weight and 'embed_tokens' in targets"), "the same danger"),
        (answer(NAMED), "the same tensor"),
        (answer(f"torch.equal(table.weight, head.weight) and {NAMED}"), "the same tensor"),
        (answer(f"model.config.tie_word_embeddings and {NAMED}"), "the same tensor"),
        (answer(f"table.weight is head.weight and model.config.tie_word_embeddings and {NAMED}"), "not at the config"),
        (answer(f"table.weight is head.weight and {NAMED}"), "named_modules"),
    ]
}
