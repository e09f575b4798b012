"""Known wrong answers to the exercise of notebook 16, and words of the hint that each must get."""

EVERYTHING = "{**dict(model.named_parameters()), **dict(model.named_buffers()), **batch}"


def listed(tensors: str = EVERYTHING, home: str = "model.get_input_embeddings().weight.device", out: str = "n") -> str:
    return (
        "def misplaced(model, batch):\n"
        f"    home, tensors = {home}, {tensors}\n"
        f"    return [{out} for n, t in tensors.items() if t.device != home]\n"
    )


WRONG = {
    "misplaced": [
        ("def misplaced(model, batch):\n    return list(batch)\n", "everything is in one place"),
        ("def misplaced(model, batch):\n    print(model.device)\n", "returned None"),
        (listed("batch"), "look at every parameter"),
        (listed("{'model': model, **batch}", "model.get_input_embeddings().weight.device"), "look at every parameter"),
        (listed("dict(model.named_parameters())"), "inputs count"),
        (listed("{**dict(model.named_parameters()), 'input_ids': batch['input_ids']}"), "not only the ids"),
        (listed("{**dict(model.named_parameters()), **batch}"), "named_buffers"),
        (listed(home="model.device"), "not the embedding's"),
        (listed(out="str(t.device)"), "not the embedding's"),
        (listed("{**batch, **dict(model.named_parameters()), **dict(model.named_buffers())}"), "wanted names"),
    ]
}
