"""Known wrong answers to the exercise of notebook 14, and words of the hint that each must get."""

IDS = "prompt + answer + [end]"


def labelled(labels: str, ids: str = IDS, mask: str = "[1] * len(ids)") -> str:
    return (
        f"def labelled(prompt, answer, end):\n    ids = {ids}\n"
        f"    return {{'input_ids': ids, 'attention_mask': {mask}, 'labels': {labels}}}\n"
    )


RIGHT = "[-100] * len(prompt) + answer + [end]"

WRONG = {
    "labelled": [
        ("def labelled(prompt, answer, end):\n    return prompt + answer, answer\n", "wanted is a dict"),
        (
            "def labelled(prompt, answer, end):\n    return {'input_ids': prompt, 'labels': answer}\n",
            "no attention_mask",
        ),
        (
            "def labelled(prompt, answer, end):\n    prompt += answer + [end]\n"
            + labelled(RIGHT, ids="prompt").partition("\n")[2],
            "it changed the lists",
        ),
        (labelled("[-100] * len(prompt) + answer", ids="prompt + answer"), "never sees it never stops"),
        (labelled("answer + [end]", ids="answer + [end]"), "the prompt, then the answer"),
        (labelled("answer + [end]"), "labels for"),
        (labelled("ids"), "the prompt teaches, too"),
        (labelled("([-100] * len(prompt) + answer + [end])[1:] + [-100]"), "shifted by one"),
        (labelled("ids[1:] + [-100]"), "shifted by one"),
        (labelled("[0] * len(prompt) + answer + [end]"), "0 is a token"),
        (labelled("[-100] * len(prompt) + answer + [-100]"), "nothing teaches the model to stop"),
        (labelled("[-100] * (len(prompt) + len(answer)) + [end]"), "from there on"),
        (labelled(RIGHT, mask="[0] * len(prompt) + [1] * len(answer + [end])"), "only padding has a 0"),
    ]
}
