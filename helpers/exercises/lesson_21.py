"""Checks of the exercises of notebook 21: a request that is safe from the cache, and the name of a tensor."""

from collections.abc import Callable

from helpers.exercises import exercise, wrong

MESSAGES = [{"role": "user", "content": "Which lamp is broken?"}]
TABLE = {"model.layers.3.mlp.up_proj": "blk.3.ffn_up", "model.layers.0.self_attn.q_proj": "blk.0.attn_q"}
OPENAI = {"messages", "model", "temperature", "max_tokens", "max_completion_tokens", "extra_body", "stream"}


@exercise
def request(answer: Callable) -> str:
    """`answer(messages, scale)` is what a greedy, uncached request for adapter 0 passes to the client."""
    for scale in (1.0, 0.0):
        given = answer(MESSAGES, scale)
        if not isinstance(given, dict):
            wrong(f"it returned {type(given).__name__}, wanted the keyword arguments as a dict")
        if unknown := set(given) - OPENAI:
            wrong(f"the client would raise TypeError for {', '.join(sorted(unknown))}: that goes into extra_body")
        if given.get("messages") != MESSAGES:
            wrong("messages are not passed on as they came")
        extra = given.get("extra_body", {})
        if "lora" not in extra:
            wrong(
                "a request without `lora` gets the adapter at the scale that the server was started with, "
                "whichever scale was asked for; say scale 0, too"
            )
        if extra["lora"] != [{"id": 0, "scale": scale}]:
            wrong(f'`lora` is a list of adapters, [{{"id": 0, "scale": {scale}}}] here; it is {extra["lora"]!r}')
        if extra.get("cache_prompt") is not False:
            wrong("the same prompt at another scale would be read from the cache: which field turns that off?")
        if given.get("temperature") != 0:
            wrong("not greedy: without temperature 0 the server draws its answer by lot")
        if 120 not in (given.get("max_tokens"), given.get("max_completion_tokens")):
            wrong("at most 120 tokens were asked for; without a limit an answer that does not end goes on for long")
    return "adapter, scale and cache are said in each request, and nothing depends on who asked before."


@exercise
def gguf_name(answer: Callable) -> str:
    """`answer(name, table)` is llama.cpp's name of PEFT's tensor."""
    for layer, new in TABLE.items():
        for half in ("A", "B"):
            name = f"base_model.model.{layer}.lora_{half}.weight"
            try:
                found = answer(name, TABLE)
            except KeyError as error:
                wrong(f"the table has no {error}: it knows {layer}, without base_model.model. before and lora_ behind")
            right = f"{new}.weight.lora_{half.lower()}"
            for other, hint in (
                (f"{new}.lora_{half.lower()}.weight", "it is PEFT's order: in llama.cpp .weight belongs to the layer"),
                (f"{new}.weight.lora_{half}", "llama.cpp writes the halves in small letters"),
                (f"{new}.lora_{half.lower()}", "it is the change of the layer's .weight, and the name says so"),
                (f"{new}.weight", "A and B of a layer have the same name then: which half is it?"),
                (f"{right}.weight", ".weight stands once, before the half: PEFT's own at the end goes"),
            ):
                if found == other:
                    wrong(hint)
            if found != right:
                wrong(f"{name} became {found!r}, wanted {right!r}")
    return "layer, then .weight, then the half in small letters: it is how the file says which matrix is changed."
