"""The check of notebook 17's exercise: which of the names in target_modules adapted nothing."""

from collections.abc import Callable
from types import SimpleNamespace

from helpers.exercises import exercise, wrong

BLOCK = "model.layers.0"
MODULES = [f"{BLOCK}.self_attn.{name}" for name in ("q_proj", "o_proj")] + [f"{BLOCK}.mlp.down_proj"]


def model(modules: list[str], parameters: list[str]) -> SimpleNamespace:
    """What a PeftModel says about itself."""
    return SimpleNamespace(targeted_module_names=list(modules), targeted_parameter_names=list(parameters))


@exercise
def unused(answer: Callable) -> str:
    """`answer(asked, model)` is the list of the names in `asked` that adapted nothing."""
    plain = model(MODULES, [])

    def found(asked: list[str], of: SimpleNamespace = plain) -> list[str]:
        names = answer(list(asked), of)
        if names is None:
            wrong("it returned None: is a return missing?")
        return list(names)

    if found(["q_proj", "wq"]) == ["q_proj"]:
        wrong("it returned the names that were found: wanted are those that adapted nothing")
    if not found(["q_proj", "wq"]):
        wrong(
            "`wq` adapted nothing, and the answer is empty. One name that fits is enough for PEFT, not for this check"
        )
    if found(["q_proj", "o_proj"]):
        wrong("`q_proj` and `o_proj` adapted something: a name is the end of a path, not the whole of it")
    if not found(["proj"]):
        wrong("`proj` adapted nothing: PEFT compares whole names between dots, so `q_proj` does not end in it")
    if not found(["attn"]) or not found(["self_attn"]):
        wrong("`self_attn` adapted nothing: it stands in the middle of the paths, and PEFT compares their ends")
    experts = model(MODULES[:1], [f"{BLOCK}.mlp.experts.down_proj"])
    if found(["q_proj", "experts.down_proj"], experts):
        wrong("the experts were adapted, as parameters: look into targeted_parameter_names, too")
    if found(["lm_head"], model(["lm_head"], [])):
        wrong("`lm_head` was adapted: there the name is the whole path, with no dot before it")
    if found(["wk", "q_proj", "wq"]) != ["wk", "wq"]:
        wrong("the names come back in another order, or another form, than they were asked for")
    return "typos, parts of names and middles of paths are found, and the experts are not taken for missing."
