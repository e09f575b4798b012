"""What people bring and type who have never seen the course: other bases, other rows, other arguments."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch
import transformers
from bases import PLAIN, ROWS, chat, make_base
from safetensors.torch import load_file, save_file
from transformers import AutoTokenizer

from helpers import cli, evaluation, merging, models, profiles, resuming, training
from helpers.chats import for_template, read_chat
from helpers.errors import InputError
from helpers.files import write_jsonl

TINY = replace(profiles.select("tiny"), quantize=False, batch_size=4, max_steps=2, max_length=200, rank=2, alpha=4)
SIZES = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2}
# as Qwen3's: the last answer stands behind a thought, and calls and tools have their places
TOOLS = (
    "{% for tool in tools or [] %}{{ tool | tojson }}{% endfor %}"
    "{% for m in messages %}<{{ m['role'] }}>{{ '<think></think>' if loop.last and m['role'] == 'assistant' }}"
    "{{ m['content'] }}{% for call in m['tool_calls'] or [] %}<call>{{ call['function'] | tojson }}{% endfor %}"
    "{{ eos_token }}{% endfor %}{% if add_generation_prompt %}<assistant>{% endif %}"
)
WEATHER = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object", "properties": {}}}}
CALL = {
    "messages": [
        {"role": "user", "content": "Rain in Bern?"},
        {
            "role": "assistant",
            "content": "",
            "tool_calls": [{"function": {"name": "weather", "arguments": {"city": "Bern"}}}],
        },
    ],
    "tools": [WEATHER],
}


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    return make_base(tmp_path_factory.mktemp("strangers") / "base", pad="<pad>")


def other(kind: str, directory: Path, base: str, head: str = "ForCausalLM", **sizes) -> str:
    """A base of another kind with the tokenizer of `base`; `head` is the end of its class's name."""
    tokenizer = AutoTokenizer.from_pretrained(base)
    config = getattr(transformers, f"{kind}Config")(
        vocab_size=len(tokenizer), eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.pad_token_id, **sizes
    )
    torch.manual_seed(0)
    getattr(transformers, kind + head)(config).save_pretrained(directory)
    tokenizer.save_pretrained(directory)
    return str(directory)


def with_config(base: str, directory: Path, **values) -> str:
    shutil.copytree(base, directory)
    settings = json.loads((directory / "config.json").read_text())
    (directory / "config.json").write_text(json.dumps(settings | values))
    return str(directory)


def trainer(model, tmp_path, rows=ROWS, quantize=False, **options):
    profile = replace(TINY, model=model, quantize=quantize)
    args = training.sft_config(profile, tmp_path / "run", disable_tqdm=True)
    return training.make_trainer(profile, rows, args, **options)


@pytest.fixture
def command(tmp_path, monkeypatch, capsys):
    """A command in this process and an empty folder: (exit code, what it printed, its errors)."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        monkeypatch.setattr("sys.argv", ["helpers", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        return (ended.value.code or 0, *capsys.readouterr())

    return run


def test_a_directory_of_rows_and_half_a_character_are_named(tmp_path):
    with pytest.raises(InputError, match="is a directory: give a JSONL file"):
        read_chat(tmp_path)
    row = {"messages": [{"role": "user", "content": "smile \\ud83d\\ude00"}, {"role": "assistant", "content": "ok"}]}
    lines = [json.dumps(row).replace("\\\\u", "\\u"), json.dumps(row).replace("\\\\ude00", "").replace("\\\\u", "\\u")]
    (tmp_path / "rows.jsonl").write_text(lines[0])
    assert read_chat(tmp_path / "rows.jsonl")[0]["messages"][0]["content"] == "smile 😀"
    (tmp_path / "rows.jsonl").write_text("\n".join(lines))
    with pytest.raises(InputError, match=r"rows.jsonl:2: .*half a character.*run .* clean"):
        read_chat(tmp_path / "rows.jsonl")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--out", "."], "name a directory to make"),
        (["--out", "/"], "name a directory to make"),
        (["--out", ""], "name a directory to make"),
        (["--out", "a", "--seed", 2**32], "'--seed'"),
        (["--out", "a", "--lr", "0"], "--learning-rate 0 learns nothing"),
        (["--out", "a", "--target-modules", "lm_head"], "name others with --target-modules: .*lm_head"),
    ],
)
def test_what_cannot_be_done_is_one_line_and_leaves_nothing(arguments, words, base, command, tmp_path):
    write_jsonl(tmp_path / "rows.jsonl", ROWS)
    code, _, said = command("train", "rows.jsonl", "--model", base, "--no-quantize", "--max-length", 200, *arguments)
    assert code == 2 and "Traceback" not in said
    with pytest.raises(InputError, match=words):
        raise InputError(said)
    assert [path.name for path in tmp_path.iterdir()] == ["rows.jsonl"]


def test_a_tokenizer_with_more_tokens_than_the_model_is_named(base, tmp_path):
    """What would be an IndexError on a CPU and a failed assertion on a GPU."""
    own = shutil.copytree(base, tmp_path / "base")
    tokenizer = AutoTokenizer.from_pretrained(own)
    tokenizer.add_tokens(["chair"])
    tokenizer.save_pretrained(own)
    with pytest.raises(InputError, match="row 4 holds 'chair', token .* resize"):
        trainer(str(own), tmp_path)
    profile = replace(TINY, model=str(own))
    with pytest.raises(InputError, match="row 4 holds 'chair'"):
        evaluation.evaluate_rows(models.load_base(profile), models.load_tokenizer(own), ROWS)


def test_rows_longer_than_the_model_reads_are_named(base, tmp_path):
    short = other("GPT2", tmp_path / "gpt2", base, "LMHeadModel", n_embd=32, n_layer=1, n_head=2, n_positions=40)
    with pytest.raises(InputError, match="row 3 has .* tokens, and the model reads 40 .*--max-tokens 40"):
        trainer(short, tmp_path)
    model, tokenizer = models.load_base(replace(TINY, model=short)), models.load_tokenizer(short)
    with pytest.raises(InputError, match="the model reads 40"):
        evaluation.evaluate_rows(model, tokenizer, ROWS)
    evaluation.evaluate_rows(model, tokenizer, [chat(("user", "a"), ("assistant", "b"))])  # its room is cut instead
    stretched = {"rope_type": "yarn", "rope_theta": 10000.0, "factor": 4.0, "original_max_position_embeddings": 16}
    long = with_config(base, tmp_path / "long", max_position_embeddings=16, rope_parameters=stretched)
    trainer(long, tmp_path)


@pytest.mark.parametrize(
    ("kind", "head", "sizes", "words"),
    [
        ("T5", "ForConditionalGeneration", {"d_model": 32, "d_ff": 32, "d_kv": 16, "num_layers": 1, "num_heads": 2},
         "has no causal language model, .*ForCausalLM"),
        ("Bert", "ForMaskedLM", SIZES, "BertForMaskedLM. fills gaps"),
        ("Llama", "Model", SIZES, "holds no lm_head.weight, which would be random"),
        ("Llama", "ForSequenceClassification", SIZES, "holds no lm_head.weight"),
    ],
)  # fmt: skip
def test_a_model_that_does_not_write_is_refused(kind, head, sizes, words, base, tmp_path):
    with pytest.raises(InputError, match=words):
        models.load_base(replace(TINY, model=other(kind, tmp_path / "base", base, head, **sizes)))


@pytest.mark.parametrize("method", ["gptq", "awq", "fp8"])
@pytest.mark.parametrize("quantize", [True, False])
def test_a_model_in_quantized_numbers_is_refused_and_never_filled_with_random_ones(method, quantize, base, tmp_path):
    own = with_config(base, tmp_path / "own", quantization_config={"quant_method": method, "bits": 4})
    with pytest.raises(InputError, match=rf"quantized already \({method}\): take the model that it was made from"):
        models.load_base(replace(TINY, model=own), quantize=quantize)


def test_a_base_stored_in_4_bits_trains_and_merges(base, tmp_path):
    own = make_base(tmp_path / "wide", pad="<pad>", width=64)
    stored = str(tmp_path / "stored")
    models.load_base(replace(TINY, model=own), quantize=True).save_pretrained(stored)
    AutoTokenizer.from_pretrained(own).save_pretrained(stored)
    assert hasattr(models.load_base(replace(TINY, model=stored)).model.layers[0].mlp.up_proj.weight, "quant_state")
    profile = replace(TINY, model=stored, quantize=True, learning_rate=1e-2)
    adapter = training.fine_tune(profile, ROWS, tmp_path / "adapter", disable_tqdm=True).adapter
    with pytest.raises(InputError, match="has no full ones: --path dequantized"):
        merging.merge(adapter, profile, "full")
    tokenizer = models.load_tokenizer(stored)
    for path, limit in (("dequantized", 1e-4), ("4bit", 1)):
        out = merging.save_merged(merging.merge(adapter, profile, path), tokenizer, tmp_path / path)
        assert merging.prove(out, adapter, profile, path) < limit


def test_gpt2_trained_in_4_bits_merges_into_a_model_that_loads(base, tmp_path):
    """Its layers are Conv1D, whose weights lie the other way round than those of the 4-bit layers."""
    own = other("GPT2", tmp_path / "gpt2", base, "LMHeadModel", n_embd=64, n_layer=1, n_head=2)
    profile = replace(TINY, model=own, quantize=True, learning_rate=1e-1)
    adapter = training.fine_tune(profile, ROWS, tmp_path / "adapter", disable_tqdm=True).adapter
    out = merging.save_merged(merging.merge(adapter, profile), models.load_tokenizer(own), tmp_path / "merged")
    assert merging.prove(out, adapter, profile, "dequantized") < 1e-4


def test_mamba_trains_where_it_can(base, tmp_path):
    own = other("Mamba", tmp_path / "mamba", base, hidden_size=32, num_hidden_layers=1, state_size=8)
    with pytest.raises(InputError, match="add --no-quantize"):
        trainer(own, tmp_path, quantize=True)
    with pytest.raises(InputError, match="name others with --target-modules: .*out_proj"):
        trainer(own, tmp_path)
    trainer(own, tmp_path, target_modules=["in_proj", "x_proj"])


def test_a_loss_that_is_no_number_ends_the_run(base, tmp_path):
    """transformers would log the mean of the losses before it, and the run would end as a good one."""
    own = shutil.copytree(base, tmp_path / "base")
    tensors = load_file(own / "model.safetensors")
    tensors["model.layers.1.mlp.up_proj.weight"][0, 0] = float("nan")
    save_file(tensors, own / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(InputError, match="the loss is nan at step 1, .*lower --learning-rate"):
        resuming.train(replace(TINY, model=str(own), max_steps=12), ROWS, tmp_path / "adapter")
    assert [path.name for path in tmp_path.iterdir()] == ["base"]


def test_a_single_step_learns(base, tmp_path):
    adapter = resuming.train(replace(TINY, model=base, max_steps=1), ROWS, tmp_path / "adapter").adapter
    assert any(tensor.any() for name, tensor in load_file(adapter / models.WEIGHTS).items() if "lora_B" in name)


def test_tools_that_the_template_leaves_out_are_no_training_rows(base):
    tokenizer = models.load_tokenizer(base)
    with pytest.raises(InputError, match="row 1: .*leaves the calls of tools out; change the row"):
        for_template(tokenizer, [CALL])
    with pytest.raises(InputError, match="leaves the tools out"):
        for_template(tokenizer, [{**ROWS[0], "tools": [WEATHER]}])
    tokenizer.chat_template = TOOLS
    assert for_template(tokenizer, [CALL]) == [CALL]


def test_calls_of_tools_are_scored_as_the_template_writes_them(base, monkeypatch):
    tokenizer, asked = models.load_tokenizer(base), []
    tokenizer.chat_template = TOOLS

    def generate(model, tokenizer, prompts, room, tools, **options):
        asked.extend(tools)
        return ['<think></think><call>{"name": "weather", "arguments": {"city": "Bern"}}', ""]

    monkeypatch.setattr(evaluation, "generate", generate)
    scores, wrong = evaluation.evaluate_rows(None, tokenizer, [CALL, CALL])
    assert asked == [[WEATHER]] * 2 and scores["exact_match"] == 0.5
    assert [row["given"] for row in wrong] == [""] and '"city": "Bern"' in wrong[0]["wanted"]


def test_the_tools_of_a_row_stand_in_its_prompt(base):
    model, tokenizer = models.load_base(replace(TINY, model=base)), models.load_tokenizer(base)
    tokenizer.chat_template, seen = TOOLS, []
    model.register_forward_pre_hook(lambda *args: seen.append(args[2]["input_ids"]), with_kwargs=True)
    evaluation.generate(model, tokenizer, [CALL["messages"][:1]] * 2, 1, tools=[[WEATHER], None])
    first, second = tokenizer.batch_decode(seen[0])
    assert "weather" in first and "weather" not in second


@pytest.mark.parametrize("truth", ["yes", '{"colour": "blue"}'])
def test_what_was_thought_before_an_answer_is_not_scored(truth, base, monkeypatch):
    given = [f"<think>\n\n</think>\n\n{truth}", "<think>\nlong", f"<think>{truth}</think> no"]
    monkeypatch.setattr(evaluation, "generate", lambda *args, **options: given)
    rows = [chat(("user", "a"), ("assistant", truth))] * 3
    scores, wrong = evaluation.evaluate_rows(None, models.load_tokenizer(base), rows)
    assert scores["exact_match"] == pytest.approx(1 / 3) and [row["given"] for row in wrong] == given[1:]


@pytest.fixture(scope="module")
def adapter(base, tmp_path_factory):
    profile = replace(TINY, model=base)
    return resuming.train(profile, ROWS, tmp_path_factory.mktemp("adapter") / "adapter").adapter


@pytest.mark.parametrize("template", [PLAIN, None])
def test_merge_loads_what_it_wrote_and_compares(template, adapter, base, tmp_path, command, monkeypatch):
    own = shutil.copytree(adapter, tmp_path / "adapter", ignore=shutil.ignore_patterns(models.CARD))
    if template is None:
        (own / "chat_template.jinja").unlink()
    code, out, said = command("merge", own, "--model", base, "--path", "full", "--out", "right")
    assert code == 0 and "its logits differ from the adapter's by at most" in out, said
    right = models.load_merged

    def noisy(directory, profile):
        model = right(directory, profile)
        model.lm_head.weight.data += 1
        return model

    monkeypatch.setattr(models, "load_merged", noisy)
    code, out, said = command("merge", own, "--model", base, "--path", "full", "--out", "wrong")
    assert code == 1 and "wrong does not answer as the adapter does: do not use it" in said


def test_an_adapter_with_nan_is_one_line(adapter, base, tmp_path, command):
    own = shutil.copytree(adapter, tmp_path / "adapter", ignore=shutil.ignore_patterns(models.CARD))
    tensors = load_file(own / models.WEIGHTS)
    next(iter(tensors.values()))[0, 0] = float("nan")
    save_file(tensors, own / models.WEIGHTS, metadata={"format": "pt"})
    code, _, said = command("merge", own, "--model", base, "--path", "full", "--out", "m")
    assert code == 2 and "NaNs detected" in said and "train it again" in said and "Traceback" not in said
    assert not (tmp_path / "m").exists()


def test_another_base_says_which_option_is_wrong(adapter, command):
    code, _, said = command("merge", adapter, "--profile", "tiny", "--out", "m")
    assert code == 2 and "give the base that it was trained on" in said
