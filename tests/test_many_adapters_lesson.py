"""Cells of notebook 22 on two adapters that were drawn: a mixed batch proved row by row, on the base in 32 and 4 bits.

What must not pass unseen is broken on purpose: two names swapped on the way to the model, a call that raises inside.
"""

import nbformat
import pytest

from helpers import DATA, NOTEBOOKS, doctor
from helpers.chats import read_chat

pytestmark = pytest.mark.slow
BASE = str(DATA / "base")
NAMES = ["json", "yaml", "__base__"] * 2


@pytest.fixture(scope="module")
def cells():
    notebook = nbformat.read(next(NOTEBOOKS.glob("22_*.ipynb")), as_version=4)
    return {cell.id: cell.source for cell in notebook.cells}


@pytest.fixture(scope="module")
def lesson(cells, tmp_path_factory):
    """The names of the notebook behind the cells that ask, with adapters that were drawn and saved, not trained."""
    import pandas
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    rows = read_chat(DATA / "tickets" / "test.jsonl")[: len(NAMES)]
    names = {"MODEL": BASE, "DTYPE": "float32", "OUT": str(tmp_path_factory.mktemp("adapters")), "torch": torch}
    names |= {"where": {"dtype": "float32", "device_map": "cpu"}, "AutoModelForCausalLM": AutoModelForCausalLM}
    names |= {"tokenizer": AutoTokenizer.from_pretrained(BASE, padding_side="left")}
    names |= {"PROMPTS": [row["messages"][:-1] for row in rows], "names": NAMES, "pd": pandas}
    save_random(names["OUT"])
    for cell in ("ask", "load-both", "nf4", "mixed-logits", "mixed-distances"):
        exec(cells[cell], names)
    return names


def save_random(out: str) -> None:
    """Two adapters that were drawn, large enough that no row's logits are another's."""
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    torch.manual_seed(0)
    lora = LoraConfig(task_type="CAUSAL_LM", r=8, lora_alpha=16, target_modules="all-linear", init_lora_weights=False)
    model = get_peft_model(AutoModelForCausalLM.from_pretrained(BASE, dtype="float32"), lora, adapter_name="json")
    model.add_adapter("yaml", lora)
    model.save_pretrained(out)


class Swapped:
    """A model whose mixed batches get two neighbouring names the wrong way round."""

    def __init__(self, model):
        self.model = model

    def __getattr__(self, name):
        return getattr(self.model, name)

    def __call__(self, adapter_names=None, **inputs):
        first, second, *rest = adapter_names or ["", ""]
        return self.model(**inputs, **({"adapter_names": [second, first, *rest]} if adapter_names else {}))


def own_and_other(off) -> tuple[float, float]:
    """(largest distance of a row to its own adapter, smallest to another)"""
    own = [row[name] for name, row in off.iterrows()]
    other = [value for name, row in off.iterrows() for value in row.drop(name)]
    return max(own), min(other)


@pytest.mark.parametrize("bits", ["model", "model4"])
def test_each_row_is_answered_by_its_own_adapter_and_a_swap_is_seen(bits, lesson):
    model = lesson[bits]
    own, other = own_and_other(lesson["distances"](model, NAMES))
    assert own < 0.1 * other
    own, other = own_and_other(lesson["distances"](Swapped(model), NAMES))
    assert own > 10 * other


def test_a_call_that_raises_inside_leaves_its_names_behind_and_unload_gets_out(lesson, cells):
    model, ask, prompts = lesson["model"], lesson["ask"], lesson["PROMPTS"]
    model.set_adapter("json", inference_mode=True)
    wanted = ask(model, prompts)

    def stop(ids, scores, **kwargs):
        raise MemoryError("no room for the next token")

    with pytest.raises(MemoryError):
        ask(model, prompts[:3], adapter_names=NAMES[:3], stopping_criteria=[stop])
    with pytest.raises(ValueError) as raised:  # huggingface/peft#3475 is repaired when this passes: change the lesson
        ask(model, prompts)
    assert doctor.diagnose(raised.value).case == "mixed_batch_hook_left"
    assert ask(model, prompts[:3])[1:] != wanted[1:3], "three plain prompts are answered by the names left behind"
    exec(cells["broken-cure"], lesson)
    assert lesson["again"] == wanted


def test_what_is_loaded_to_answer_is_thawed_by_a_switch_and_by_a_look_at_the_base(lesson, cells):
    exec(cells["frozen-counts"], lesson)
    assert lesson["start"] == 0 < lesson["switched"] == lesson["looked"]
