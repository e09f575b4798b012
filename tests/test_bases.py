"""Bases of all kinds: what can be trained is trained rightly, what cannot is one line that says what to do."""

import json
import re
import shutil
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from bases import DEAF, PLAIN, ROWS, STRICT, WITH_SYSTEM, chat, make_base
from peft import get_peft_model
from transformers import AutoTokenizer

from helpers import cli, evaluation, hub_server, merging, model_checks, models, profiles, training
from helpers.chats import for_template, read_chat
from helpers.clean.tokens import ChatTokenizer
from helpers.doctor.merge import verify
from helpers.errors import InputError
from helpers.files import load_jsonl, write_jsonl

TINY = replace(profiles.select("tiny"), quantize=False, batch_size=4, max_steps=2, max_length=200, rank=2, alpha=4)


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    return make_base(tmp_path_factory.mktemp("bases") / "base")


@pytest.fixture
def copy(base, tmp_path):
    """A base of its own for each test that spoils one."""
    return shutil.copytree(base, tmp_path / "base")


def trainer(model, rows, tmp_path, **options):
    args = training.sft_config(replace(TINY, model=model), tmp_path / "run", disable_tqdm=True)
    return training.make_trainer(replace(TINY, model=model), rows, args, **options)


def test_padding_with_the_end_of_sequence_leaves_the_real_one_in_the_loss(base, tmp_path):
    tokenizer = models.load_tokenizer(base)
    assert tokenizer.pad_token_id == tokenizer.eos_token_id
    batch = next(iter(trainer(base, ROWS, tmp_path).get_train_dataloader()))
    lengths = batch["attention_mask"].sum(-1)
    assert len(set(lengths.tolist())) > 1
    for labels, ids, length in zip(batch["labels"], batch["input_ids"], lengths, strict=True):
        assert (labels[length:] == -100).all()
        assert labels[length - 1] == ids[length - 1] == tokenizer.eos_token_id


def test_a_pad_token_of_its_own_is_kept(tmp_path):
    assert models.load_tokenizer(make_base(tmp_path / "base", pad="<pad>")).pad_token == "<pad>"


def test_a_tokenizer_without_an_end_is_named(copy):
    settings = json.loads((copy / "tokenizer_config.json").read_text())
    settings.pop("eos_token")
    (copy / "tokenizer_config.json").write_text(json.dumps(settings))
    with pytest.raises(InputError, match="no eos_token"):
        models.load_tokenizer(copy)


@pytest.mark.parametrize("kind", ["qwen2", "gemma", "gpt_neox"])
def test_a_directory_without_a_tokenizer_is_named(tmp_path, kind):
    """Of such a directory transformers makes a tokenizer that knows no word, and says nothing."""
    (tmp_path / "config.json").write_text(json.dumps({"model_type": kind}))
    assert len(AutoTokenizer.from_pretrained(tmp_path)) < 6
    with pytest.raises(InputError, match="there is no tokenizer in"):
        models.load_tokenizer(tmp_path)
    with pytest.raises(InputError, match="there is no tokenizer in"):
        ChatTokenizer(tmp_path).tokenizer.get_vocab()


@pytest.mark.parametrize("template", [STRICT, DEAF])
def test_a_system_turn_that_the_template_refuses_or_drops_goes_before_the_question(template, tmp_path):
    made = trainer(make_base(tmp_path / "base", template), WITH_SYSTEM, tmp_path)
    text = made.processing_class.decode(made.train_dataset[0]["input_ids"])
    assert "Answer in one line.\n\nWhich lamp is broken?" in text


def test_a_template_that_takes_a_system_turn_gets_it(base):
    assert for_template(models.load_tokenizer(base), WITH_SYSTEM) == WITH_SYSTEM


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (chat(("user", "a"), ("user", "b"), ("assistant", "c")), "row 2: .*must be user and assistant in turn"),
        (chat(("system", "a"), ("assistant", "c")), "row 2: .*in turn"),
        (chat(("tool", "a"), ("assistant", "c")), "row 2: .*in turn"),
    ],
)
def test_a_row_that_the_template_refuses_is_named_with_its_reason(row, words, tmp_path):
    tokenizer = models.load_tokenizer(make_base(tmp_path / "base", STRICT))
    with pytest.raises(InputError, match=words):
        for_template(tokenizer, [ROWS[0], row])


def test_a_question_that_the_template_loses_is_no_training_row(tmp_path):
    tokenizer = models.load_tokenizer(make_base(tmp_path / "base", "{{ 'hello' }}"))
    with pytest.raises(InputError, match="row 1: .*leaves the user turn out"):
        for_template(tokenizer, ROWS)


def test_no_template_is_one_line_and_another_one_can_be_given(tmp_path):
    model = make_base(tmp_path / "base", None)
    with pytest.raises(InputError, match="no chat template: .*--chat-template"):
        trainer(model, ROWS, tmp_path)
    with pytest.raises(InputError, match="no chat template"):
        evaluation.evaluate_rows(models.load_base(replace(TINY, model=model)), models.load_tokenizer(model), ROWS)
    made = trainer(model, ROWS, tmp_path, template=PLAIN)
    assert "<user>Which lamp" in made.processing_class.decode(made.train_dataset[0]["input_ids"])


def test_target_modules_are_names_that_the_model_has(base, tmp_path):
    with pytest.raises(InputError, match="no module vproj; it has .*v_proj.*all-linear"):
        trainer(base, ROWS, tmp_path, target_modules=["q_proj", "vproj"])
    made = trainer(base, ROWS, tmp_path, target_modules=["q_proj", "0.mlp.up_proj"])
    adapted = {name.rpartition(".lora_A")[0] for name, _ in made.model.named_parameters() if "lora_A" in name}
    assert len(adapted) == 3


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (
            chat(("user", "a"), ("assistant", "b"), ("user", "c")),
            "answer to a question, here .* 'user'; mend",
        ),
        (chat(("human", "a"), ("gpt", "b")), "here it is of the role 'gpt'; mend it, or run .* clean"),
        (chat(("user", "a"), ("assistant", " ")), "an answer of the assistant is empty; mend it, or run .* clean"),
        (chat(("user", "a"), ("assistant", ""), ("user", "b"), ("assistant", "c")), "is empty"),
        ({"instruction": "a", "output": "b"}, "not a row .* run .* clean. on the file first"),
    ],
)
def test_rows_that_teach_nothing_are_named_with_file_and_line(row, words, tmp_path):
    write_jsonl(tmp_path / "rows.jsonl", [ROWS[0], row])
    with pytest.raises(InputError, match=f"rows.jsonl:2: .*{words}"):
        read_chat(tmp_path / "rows.jsonl")


def test_calls_of_tools_and_answers_that_are_context_may_be_empty(tmp_path):
    call = {"role": "assistant", "content": "", "tool_calls": [{"function": {"name": "f", "arguments": {}}}]}
    context = {"role": "assistant", "content": "", "weight": 0}
    rows = [{"messages": [{"role": "user", "content": "a"}, one, *ROWS[0]["messages"]]} for one in (call, context)]
    write_jsonl(tmp_path / "rows.jsonl", rows)
    assert read_chat(tmp_path / "rows.jsonl") == rows


def test_rows_to_take_the_loss_on_that_are_trained_on_are_counted(base, tmp_path, monkeypatch, capsys):
    write_jsonl(tmp_path / "rows.jsonl", ROWS)
    write_jsonl(tmp_path / "held.jsonl", [ROWS[1], chat(("user", "a"), ("assistant", "b"))])
    monkeypatch.setattr("helpers.resuming.train", lambda *args, **options: None)
    typed = [
        "train",
        str(tmp_path / "rows.jsonl"),
        "--out",
        "a",
        "--model",
        base,
        "--eval",
        str(tmp_path / "held.jsonl"),
    ]
    monkeypatch.setattr("sys.argv", ["helpers", *typed])
    with pytest.raises(SystemExit):
        cli.main()
    assert "1 of the 2 --eval rows are trained on, too" in capsys.readouterr().out


def test_a_rate_of_nothing_is_refused(base, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["helpers", "train", "x", "--out", str(tmp_path / "a"), "--learning-rate", "0"])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 2 and "--learning-rate 0 learns nothing" in capsys.readouterr().err


@pytest.mark.parametrize("rows", [ROWS[:1], ROWS[:3]])
def test_fewer_rows_than_a_batch_train(rows, base, tmp_path):
    run = training.fine_tune(replace(TINY, model=base), rows, tmp_path / "adapter", disable_tqdm=True, logging_steps=1)
    assert run.steps == 2 and all(loss > 0 for _, loss in run.losses)


def empty(path):
    path.write_bytes(b"")


def cut(path):
    path.write_bytes(path.read_bytes()[:-9])


def pointer(path):
    path.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n")


@pytest.mark.parametrize("spoil", [empty, cut, pointer])
def test_damaged_weights_are_named(spoil, copy):
    spoil(copy / "model.safetensors")
    with pytest.raises(InputError, match="model.safetensors is damaged or cut off"):
        models.load_base(replace(TINY, model=str(copy)))


def test_a_model_in_shards_loads_and_a_missing_one_is_named(copy):
    model = models.load_base(replace(TINY, model=str(copy)))
    (copy / "model.safetensors").unlink()
    model.save_pretrained(copy, max_shard_size="20kB")
    models.load_base(replace(TINY, model=str(copy)))
    lost = sorted(copy.glob("model-*.safetensors"))[1]
    lost.unlink()
    with pytest.raises(InputError, match=f"not whole: {lost.name} is missing"):
        models.load_base(replace(TINY, model=str(copy)))


def unlink(path):
    path.unlink()


def foreign(path):
    path.write_text(json.dumps({"model_type": "t5"}))


def code(path):
    path.write_text(json.dumps({"model_type": "own", "auto_map": {"AutoModelForCausalLM": "own.Model"}}))


@pytest.mark.parametrize(
    ("file", "spoil", "words"),
    [
        ("model.safetensors", unlink, "holds no weights"),
        ("config.json", unlink, "holds no model"),
        ("config.json", cut, "not a valid JSON"),
        ("config.json", foreign, "no causal language model.*ForCausalLM"),
        ("config.json", code, "cannot be loaded"),
        ("tokenizer.json", cut, "cannot be loaded"),
    ],
)
def test_a_directory_that_is_no_whole_model_is_one_line(file, spoil, words, copy):
    spoil(copy / file)
    with pytest.raises(InputError, match=words) as caught:
        models.load_base(replace(TINY, model=str(copy)))
        models.load_tokenizer(copy)
    assert len(str(caught.value).splitlines()) == 1


def test_a_hub_that_does_not_answer_or_lacks_the_model_is_one_line(base, monkeypatch):
    with hub_server.Hub({"owner/base": Path(base)}) as hub:
        monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", hub.url)
        model_checks.check_reachable("owner/base")
        with pytest.raises(InputError, match="has no model owner/other"):
            model_checks.check_reachable("owner/other")
    with pytest.raises(InputError, match="cannot be reached .*directory"):
        models.load_tokenizer("owner/base")
    with pytest.raises(InputError, match="neither a directory nor a hub id"):
        models.load_tokenizer("my base!")


def test_a_machine_without_bitsandbytes_is_one_line(base, monkeypatch):
    monkeypatch.setattr(model_checks, "find_spec", lambda name: None)
    models.load_base(replace(TINY, model=base))
    with pytest.raises(InputError, match="need bitsandbytes: .*--no-quantize"):
        models.load_base(replace(TINY, model=base), quantize=True)


def test_a_machine_where_bitsandbytes_cannot_quantize_is_one_line(base, monkeypatch):
    monkeypatch.setattr("bitsandbytes.functional.quantize_4bit", None)
    with pytest.raises(InputError, match="cannot quantize on this machine .*--no-quantize"):
        models.load_base(replace(TINY, model=base), quantize=True)


@pytest.fixture(scope="module")
def adapter(base, tmp_path_factory):
    work = tmp_path_factory.mktemp("adapters")
    made = trainer(base, ROWS, work, target_modules=["q_proj", "up_proj"])
    training.save_adapter(made, work / "adapter", replace(TINY, model=base))
    return work / "adapter"


@pytest.mark.parametrize("change", [{"width": 48}, {"layers": 1}, {"layers": 3}])
def test_an_adapter_of_another_base_is_refused_without_a_record_too(change, adapter, tmp_path):
    other = replace(TINY, model=make_base(tmp_path / "other", **change))
    with pytest.raises(InputError, match="trained on another base"):
        models.load_adapter(adapter, other)
    bare = shutil.copytree(adapter, tmp_path / "bare", ignore=shutil.ignore_patterns(models.IDENTITY))
    for use in (lambda: models.load_adapter(bare, other), lambda: merging.merge(bare, other, "full")):
        with pytest.raises(InputError, match="does not fit .*adapter_config.json names"):
            use()


@pytest.mark.parametrize(("trained", "layers"), [(1, 2), (2, 3), (2, 1), (3, 2)])
def test_an_adapter_of_all_linear_layers_of_another_depth_is_refused(trained, layers, tmp_path, monkeypatch, capsys):
    """PEFT stores whole names for few layers, which leave the blocks above without: no tensor is missing."""
    own, other = (make_base(tmp_path / f"base{n}", layers=n) for n in (trained, layers))
    work, merged = tmp_path / "adapter", tmp_path / "merged"
    get_peft_model(models.load_base(replace(TINY, model=own)), training.lora_config(TINY)).save_pretrained(work)
    models.load_adapter(work, replace(TINY, model=own))
    shutil.copytree(other, merged)
    write_jsonl(tmp_path / "rows.jsonl", ROWS[:1])
    with pytest.raises(InputError, match="does not fit .*names"):
        verify(merged, work, replace(TINY, model=other), [])
    for typed in (["evaluate", str(tmp_path / "rows.jsonl"), "--adapter"], ["merge", "--out", "m"]):
        monkeypatch.setattr("sys.argv", ["helpers", *typed, str(work), "--model", other])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        assert ended.value.code == 2
        assert re.match("error: .* does not fit .*names", capsys.readouterr().err.splitlines()[-1])


def test_an_adapter_of_the_lower_blocks_alone_is_taken(base, tmp_path):
    """All that names its blocks, or its base, is what it says."""
    first = [f"model.layers.0.{name}" for name in ("self_attn.q_proj", "mlp.up_proj")]
    kinds = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
    for number, chosen in enumerate(({"target_modules": first}, {"target_modules": kinds, "layers_to_transform": [0]})):
        made = get_peft_model(models.load_base(replace(TINY, model=base)), training.lora_config(TINY, **chosen))
        made.save_pretrained(tmp_path / str(number))
        models.load_adapter(tmp_path / str(number), replace(TINY, model=shutil.copytree(base, tmp_path / f"b{number}")))


@pytest.mark.parametrize("spoil", [empty, cut, pointer])
@pytest.mark.parametrize("file", ["adapter_config.json", "adapter_model.safetensors", "base_identity.json"])
def test_a_damaged_adapter_is_named_with_its_file(spoil, file, adapter, base, tmp_path):
    broken = shutil.copytree(adapter, tmp_path / "adapter")
    spoil(broken / file)
    with pytest.raises(InputError, match=file):
        models.load_adapter(broken, replace(TINY, model=base))


def test_evaluation_folds_counts_and_keeps_what_was_wrong(tmp_path):
    """STRICT takes no system turn; a model of random weights is wrong everywhere."""
    model = make_base(tmp_path / "base", STRICT)
    scores, wrong = evaluation.evaluate_rows(
        models.load_base(replace(TINY, model=model)), models.load_tokenizer(model), WITH_SYSTEM
    )
    assert scores["rows"] == len(wrong) == len(ROWS) and scores["exact_match"] == 0
    write_jsonl(tmp_path / "wrong.jsonl", wrong)
    first = load_jsonl(tmp_path / "wrong.jsonl")[0]
    assert set(first) == {"prompt", "wanted", "given"} and first["wanted"] == "The blue lamp."
    assert first["prompt"][0]["content"].startswith("Answer in one line.\n\n")


@pytest.mark.parametrize("truth", ["a fine day", '{"colour": "blue"}', "{}"])
def test_right_answers_are_no_wrong_ones(truth, base, monkeypatch):
    rows = [chat(("user", "a"), ("assistant", truth)), chat(("user", "b"), ("assistant", truth))]
    monkeypatch.setattr(evaluation, "generate", lambda *args, **options: [truth, "nothing"])
    scores, wrong = evaluation.evaluate_rows(None, models.load_tokenizer(base), rows)
    assert scores["exact_match"] == 0.5 and scores["rows"] == 2
    assert [one["given"] for one in wrong] == ["nothing"]


def test_an_answer_has_room_for_the_longest_true_one(base, monkeypatch):
    asked = []

    def generate(model, tokenizer, prompts, max_new_tokens, **options):
        asked.append(max_new_tokens)
        return [""] * len(prompts)

    monkeypatch.setattr(evaluation, "generate", generate)
    tokenizer, long = models.load_tokenizer(base), "xyz " * 200
    evaluation.evaluate_rows(None, tokenizer, [chat(("user", "a"), ("assistant", long))])
    assert asked[0] > len(tokenizer(long)["input_ids"])


def test_evaluate_writes_the_wrong_answers_and_says_how_many_rows(base, tmp_path, monkeypatch, capsys):
    write_jsonl(tmp_path / "rows.jsonl", ROWS)
    typed = ["evaluate", "rows.jsonl", "--model", base, "--limit", "2", "--json"]
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["helpers", *typed, "--wrong", "wrong.jsonl"])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    scores = json.loads(capsys.readouterr().out)
    assert not ended.value.code and (scores["rows"], scores["rows_in_file"]) == (2, len(ROWS))
    assert [row["wanted"] for row in load_jsonl(tmp_path / "wrong.jsonl")] == ["The blue lamp.", "The red lamp."]
    monkeypatch.setattr("sys.argv", ["helpers", *typed, "--wrong", "rows.jsonl"])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 2 and "also an input" in capsys.readouterr().err


@pytest.mark.parametrize(("quantized", "path"), [(True, "dequantized"), (False, "full"), (None, "dequantized")])
def test_merge_takes_the_base_as_it_was_in_training(quantized, path, adapter, base, tmp_path, monkeypatch):
    """A plain LoRA adapter has never seen 4-bit weights; without a card the profile's way is taken."""
    own = shutil.copytree(adapter, tmp_path / "adapter")
    if quantized is not None:
        (own / models.CARD).write_text(json.dumps({"quantize": quantized}))
    asked = []
    monkeypatch.setattr(merging, "merge", lambda adapter, profile, path: asked.append(path))
    monkeypatch.setattr(merging, "save_merged", lambda *args: tmp_path)
    monkeypatch.setattr(merging, "prove", lambda out, adapter, profile, path: 0.0)
    monkeypatch.setattr("sys.argv", ["helpers", "merge", str(own), "--out", str(tmp_path / "m"), "--model", base])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert not ended.value.code and asked == [path]


def raise_(error):
    raise error


@pytest.mark.parametrize(
    ("prove", "code", "said"),
    [
        (lambda *_: 0.01, 0, "differ from the adapter's by at most 0.01"),
        (lambda *_: 0.2, 1, "does not answer as the adapter does"),
        (lambda *_: float("nan"), 1, "does not answer as the adapter does"),
        (lambda *_: raise_(torch.OutOfMemoryError("CUDA")), 0, "not compared with the adapter: there is no room"),
    ],
)
def test_merge_says_how_far_the_written_model_is_from_the_adapter(
    prove, code, said, adapter, base, tmp_path, monkeypatch, capsys
):
    monkeypatch.setattr(merging, "prove", prove)
    out = ["--out", str(tmp_path / "m"), "--model", base]
    monkeypatch.setattr("sys.argv", ["helpers", "merge", str(adapter), *out])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    printed = capsys.readouterr()
    assert (ended.value.code or 0) == code and said in printed.out + printed.err


def test_a_merge_that_the_disk_has_no_room_for_is_named_before_anything_is_written(base, tmp_path, monkeypatch):
    model, tokenizer = models.load_base(replace(TINY, model=base)), models.load_tokenizer(base)
    monkeypatch.setattr(merging.shutil, "disk_usage", lambda path: SimpleNamespace(free=1000))
    with pytest.raises(InputError, match="needs .* GiB, and 0.0 GiB are free"):
        merging.save_merged(model, tokenizer, tmp_path / "merged")
    assert list(tmp_path.iterdir()) == []
