"""Checks of notebook 09's exercises: a model made ready to answer, and the reason why one is slow."""

from collections.abc import Callable
from itertools import accumulate

from helpers.exercises import exercise, wrong

PROMPT, NEW = 12, 6
STATES = {  # training mode, checkpointing, config.use_cache, generation_config.use_cache
    "with its cache off in generation_config": (False, False, True, False),
    "as training leaves it": (True, True, False, None),
    "with both": (True, True, False, False),
    "that is ready already": (False, False, True, True),
}


def tiny_model():
    """A Qwen2 of two layers with random weights, the same at each call."""
    import torch
    from transformers import Qwen2Config, Qwen2ForCausalLM

    config = Qwen2Config(
        vocab_size=64, hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=2,
        num_key_value_heads=2, bos_token_id=None, eos_token_id=None, initializer_range=0.5,
    )  # fmt: skip
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return Qwen2ForCausalLM(config).eval()


def watched(model) -> tuple[list[int], list[int]]:
    """(tokens sent in each step, ids of the answer) of a greedy generation."""
    import torch

    from helpers.quiet import listen

    sent: list[int] = []
    answer: list[int] = []
    hook = model.get_input_embeddings().register_forward_hook(lambda part, args, out: sent.append(args[0].shape[1]))
    ids = torch.arange(2, 2 + PROMPT)[None]

    def answered() -> None:
        out = model.generate(ids, attention_mask=torch.ones_like(ids), do_sample=False, max_new_tokens=NEW)
        answer.extend(out[0, PROMPT:].tolist())

    try:
        listen(answered)
    finally:
        hook.remove()
    return sent, answer


@exercise
def make_ready(answer: Callable) -> str:
    """`answer(model)` changes a model so that it generates with a cache, and as it should."""
    usual = watched(tiny_model())[1]
    for state, (training, checkpointing, config, generation) in STATES.items():
        model = tiny_model()
        if checkpointing:
            model.activation_checkpointing_enable()
        model.train(training)
        model.config.use_cache, model.generation_config.use_cache = config, generation
        answer(model)
        sent, found = watched(model)
        if len(sent) != NEW:
            wrong(f"the model {state} does not generate any more")
        if max(sent[1:]) > 1:
            wrong(
                f"the model {state} still sends the whole text, {sent[1]} tokens in its second step: "
                "which of the two configs does `generate` look at?"
            )
        if found != usual:
            wrong(
                f"the model {state} sends one token a step and answers wrongly: in which mode does checkpointing "
                "take the cache away from the layers?"
            )
    return "one token a step and the usual answer, from each of four states."


def arrivals(first: float, each: list[float]) -> list[float]:
    """Seconds until each token was there, from the wait for the first and the seconds of each further one."""
    return list(accumulate([first, *each]))


@exercise
def slow_because(answer: Callable) -> str:
    """`answer(times)` names the cause: prompt, cache or answer."""
    steady, growing = [0.02] * 39, [0.02 + 0.002 * step for step in range(39)]
    if (said := answer(arrivals(0.05, steady))) != "answer":
        hint = "the times add up: what did each token take for itself?" if said == "cache" else "every token is alike"
        wrong(f"39 tokens of 0.02 s each, and it says {said!r}: {hint}")
    if (said := answer(arrivals(0.05, growing))) != "cache":
        wrong(f"each token takes longer than the one before, and it says {said!r}: compare the later with the earlier")
    if (said := answer(arrivals(2.0, steady))) != "prompt":
        wrong(f"2 s until the first token and 0.8 s for all others, and it says {said!r}: what share is the wait?")
    if (said := answer(arrivals(0.3, steady))) != "answer":
        wrong(
            f"0.3 s until the first token, 0.8 s for the others, and it says {said!r}: a first token always takes "
            "longer than another; more than half of the whole time?"
        )
    for at in (20, 38):
        if (said := answer(arrivals(0.05, [*steady[:at], 0.6, *steady[at + 1 :]]))) != "answer":
            wrong(f"one token of 39 waited 0.6 s for another program, and it says {said!r}: a median passes over it")
    for at in (0, 5):
        if (said := answer(arrivals(0.05, [*growing[:at], 0.6, *growing[at + 1 :]]))) != "cache":
            wrong(f"an early token waited for another program and hides the growth ({said!r}): a median passes over it")
    return "the wait, the growth and the length are told apart, with one late token among them."
