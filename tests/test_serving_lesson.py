"""Cells of notebook 21 that a reader takes along, run on an adapter with random matrices: GGUF, llama.cpp, the page.

What must not pass unseen is broken on purpose: the pre-tokenizer's name, the shared cache, an adapter of another seed.
"""

import shutil
from importlib.util import find_spec
from pathlib import Path

import nbformat
import pytest

from helpers import DATA, NOTEBOOKS, models, serving
from helpers.chats import read_chat

if not all(map(find_spec, ("gguf", "xllamacpp", "gradio"))):  # gradio takes seconds to import
    pytest.skip("needs the extra: pip install -e .[serve]", allow_module_level=True)

pytestmark = pytest.mark.slow
BASE = str(DATA / "base")


def cells(tag: str) -> str:
    notebook = nbformat.read(next(NOTEBOOKS.glob("21_*.ipynb")), as_version=4)
    return "\n".join(cell.source for cell in notebook.cells if tag in cell.metadata.get("tags", []))


def random_adapter(out: Path, seed: int) -> str:
    """An adapter whose matrices are drawn, large enough to change most answers."""
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    torch.manual_seed(seed)
    base = AutoModelForCausalLM.from_pretrained(BASE, dtype="float32")
    model = get_peft_model(base, LoraConfig(r=8, lora_alpha=16, target_modules="all-linear", task_type="CAUSAL_LM"))
    for name, parameter in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter, std=0.1)
    model.save_pretrained(out)
    return str(out)


@pytest.fixture(scope="module")
def lesson(tmp_path_factory):
    """The names of the notebook behind its cells to paste: `both` serves the base and the adapter."""
    folder = tmp_path_factory.mktemp("lesson")
    prompts = [row["messages"][:-1] for row in read_chat(DATA / "tickets" / "test.jsonl")[:6]]
    names = {"MODEL": BASE, "DTYPE": "float32", "OUT": str(folder), "PROMPTS": prompts}
    names["free_port"] = serving.free_port
    names["ADAPTER"] = random_adapter(folder / "adapter", seed=0)
    exec(cells("paste"), names)
    return names


def ask_all(lesson, server, **options) -> list[serving.Answer]:
    client = lesson["client_of"](server)
    return [serving.ask(client, "any", prompt, max_tokens=40, **options) for prompt in lesson["PROMPTS"]]


def gap(answers, others) -> float:
    """The largest difference of a token's log-probability in two rounds of answers, place by place."""
    return max(
        abs(here - there) for one, other in zip(answers, others) for here, there in zip(one.logprobs, other.logprobs)
    )


def off_by(lesson, answers, model) -> float:
    """The largest difference of a token's log-probability in the server and in `model`, over all answers."""
    tokenizer = models.load_tokenizer(BASE)
    return max(
        abs(here - there)
        for prompt, one in zip(lesson["PROMPTS"], answers)
        for here, there in zip(one.logprobs, serving.token_logprobs(model.eval(), tokenizer, prompt, one.tokens))
    )


def test_the_file_gives_back_every_weight(lesson):
    from transformers import AutoModelForCausalLM

    written = lesson["merged"].state_dict()
    back = AutoModelForCausalLM.from_pretrained(lesson["OUT"], gguf_file="merged-F32.gguf", dtype="float32")
    assert set(back.state_dict()) == set(written)
    assert all(tensor.equal(written[name]) for name, tensor in back.state_dict().items())


def test_llama_computes_the_merged_model_and_an_adapter_of_another_seed_is_seen(lesson):
    merged, fresh = lesson["merged"], lesson["scaled"](1.0, cache_prompt=False)
    assert off_by(lesson, ask_all(lesson, lesson["llama"]), merged) < 0.05
    assert off_by(lesson, ask_all(lesson, lesson["both"], **fresh), merged) < 0.05
    other = random_adapter(Path(lesson["OUT"], "other"), seed=1)
    lesson["write_lora"](other, f"{lesson['OUT']}/other.gguf", lesson["merged"].config.num_hidden_layers)
    server = lesson["llama_server"](f"{lesson['OUT']}/base-F16.gguf", f"{lesson['OUT']}/other.gguf")
    assert off_by(lesson, ask_all(lesson, server, **fresh), merged) > 0.5


def test_the_cache_mixes_adapters_until_it_is_off(lesson):
    both, scaled = lesson["both"], lesson["scaled"]
    own = ask_all(lesson, both, **scaled(0.0, cache_prompt=False))
    client = lesson["client_of"](both)
    for prompt in lesson["PROMPTS"]:
        for scale in (0.0, 1.0):
            serving.ask(client, "any", prompt, max_tokens=40, **scaled(scale))
    stale = ask_all(lesson, both, **scaled(0.0))
    assert gap(stale, own) > 0.01, "llama.cpp was repaired: the lesson and the catalogue change"
    assert gap(ask_all(lesson, both, **scaled(0.0, cache_prompt=False)), own) < 0.001


@pytest.mark.parametrize(("pre", "same"), [("qwen2", True), ("default", False)])
def test_the_name_of_the_pre_tokenizer_decides_how_text_is_cut(pre, same, lesson):
    import httpx

    file = f"{lesson['OUT']}/{pre}.gguf"
    lesson["write_gguf"](BASE, file, pre=pre)
    server, tokenizer = lesson["llama_server"](file), models.load_tokenizer(BASE)
    texts = [row["messages"][-2]["content"] for row in read_chat(DATA / "tickets" / "test.jsonl")[:40]]
    found = [httpx.post(f"{server.listening_address}/tokenize", json={"content": text}).json() for text in texts]
    assert all(one["tokens"] == tokenizer(text).input_ids for one, text in zip(found, texts)) is same


def test_a_person_types_a_ticket_turns_the_adapter_off_and_compares(lesson):
    playwright = pytest.importorskip("playwright.sync_api")
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("there is no Chromium on this machine")
    exec(cells("page"), lesson)
    page, ticket = lesson["page"], lesson["PROMPTS"][1][-1]["content"]
    try:
        with playwright.sync_playwright() as browsers:
            browser = browsers.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
            tab = browser.new_page()
            tab.goto(page.local_url)
            tuned, plain = type_and_read(tab, ticket, answered=1)
            tab.get_by_label("number input for Adapter's scale").fill("0")
            off, again = type_and_read(tab, ticket, answered=2)
            browser.close()
    finally:
        page.close(verbose=False)
    client, prompt = lesson["client_of"](lesson["both"]), lesson["PROMPTS"][1]
    direct = {
        scale: serving.ask(client, "any", prompt, **lesson["scaled"](scale, cache_prompt=False)).text
        for scale in (1.0, 0.0)
    }
    assert tuned == direct[1.0].strip()
    assert off == again == plain == direct[0.0].strip()


def type_and_read(tab, ticket: str, answered: int) -> tuple[str, str]:
    """Send a ticket; (the newest answer in the chat, the text beside it) once they no longer change."""
    typed = tab.locator("textarea:enabled")
    typed.fill(ticket)
    typed.press("Enter")
    replies = tab.locator("[data-testid=bot]")
    seen, text = None, ("", "")
    while not (replies.count() == answered and all(text) and text == seen):
        seen = text
        tab.wait_for_timeout(1500)
        text = (
            replies.last.inner_text().strip() if replies.count() else "",
            tab.get_by_label("The base alone").input_value(),
        )
    return text
