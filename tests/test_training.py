"""Training: what is in the loss, what trains, and what is written."""

import json
from dataclasses import replace

import pytest
import torch
from trl import SFTTrainer
from trl.trainer import utils

from helpers import DATA, chats, models, profiles, training
from helpers.chats import read_chat
from helpers.errors import InputError
from helpers.lora_math import fingerprint

ROWS = read_chat(DATA / "tickets" / "clean.jsonl")[:48]
PROFILE = replace(profiles.select("tiny"), max_steps=4, batch_size=4)


def trainer(tmp_path, **overrides):
    run = SFTTrainer(
        models.load_base(PROFILE),
        training.sft_config(PROFILE, tmp_path, disable_tqdm=True, **overrides),
        train_dataset=chats.to_dataset(ROWS),
        processing_class=models.load_tokenizer(PROFILE.model),
        peft_config=training.lora_config(PROFILE),
    )
    return training.float32_adapters(run)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return trainer(tmp_path_factory.mktemp("trainer"))


def test_loss_is_on_the_answer_and_its_end_of_turn_alone(made):
    tokenizer = models.load_tokenizer(PROFILE.model)
    batch = next(iter(made.get_train_dataloader()))
    turns = {row["messages"][-1]["content"] + tokenizer.eos_token + "\n" for row in ROWS}
    for ids, labels in zip(batch["input_ids"], batch["labels"], strict=True):
        graded = labels != -100
        assert tokenizer.decode(ids[graded]) in turns
        assert (labels[graded] == ids[graded]).all()


def test_leaving_out_the_prompts_positions_changes_neither_loss_nor_gradient(made, monkeypatch):
    batch = next(iter(made.get_train_dataloader()))
    positions, head = [], utils._ChunkedLogProbFunction.apply

    class Counted:
        @staticmethod
        def apply(hidden, *others):
            positions.append(len(hidden))
            return head(hidden, *others)

    def step():
        made.model.zero_grad()
        loss = made.compute_loss(made.model, dict(batch))
        loss.backward()
        return loss.item(), [p.grad.clone() for p in made.model.parameters() if p.requires_grad]

    monkeypatch.setattr(utils, "_ChunkedLogProbFunction", Counted)
    trls = getattr(SFTTrainer.compute_loss, "__wrapped__", SFTTrainer.compute_loss)
    monkeypatch.setattr(SFTTrainer, "compute_loss", trls)
    monkeypatch.setattr(utils, "_use_triton", lambda device: False)
    loss_of_all, gradients_of_all = step()
    for _ in range(2):
        training.score_answers_only()
    loss, gradients = step()
    assert SFTTrainer.compute_loss.__wrapped__ is trls and not utils._use_triton(torch.device("cpu"))
    made.model.zero_grad()
    assert positions == [batch["labels"][:, 1:].numel(), int((batch["labels"][:, 1:] != -100).sum())]
    assert loss == pytest.approx(loss_of_all, rel=1e-6)
    for ours, trl in zip(gradients, gradients_of_all, strict=True):
        torch.testing.assert_close(ours, trl, rtol=1e-4, atol=1e-7)


def test_the_template_markers_and_the_labels_agree(made):
    """The trainer grades what the template marks as the assistant's, and the newline that ends the turn."""
    tokenizer = models.load_tokenizer(PROFILE.model)
    for row, encoded in zip(ROWS, made.train_dataset, strict=True):
        table = chats.token_table(tokenizer, row["messages"])
        assert encoded["input_ids"] == [i for i, _, _ in table]
        assert [label != -100 for label in encoded["labels"]] == [*(loss for _, _, loss in table[:-1]), True]


def test_every_answer_of_a_long_conversation_is_an_example():
    say = [{"role": role, "content": role} for role in ("system", "user", "assistant", "user", "assistant")]
    examples = list(chats.to_dataset([{"messages": say}]))
    assert [len(example["prompt"]) for example in examples] == [2, 4]
    assert all(example["completion"][0]["role"] == "assistant" for example in examples)


def test_only_adapters_train_and_the_base_never_changes(tmp_path):
    run = trainer(tmp_path)
    frozen = [(n, p) for n, p in run.model.named_parameters() if "lora_" not in n]
    before = fingerprint(frozen)
    adapters = {n: p.detach().clone() for n, p in run.model.named_parameters() if p.requires_grad}
    assert adapters and all("lora_" in name for name in adapters)
    run.train()
    assert fingerprint(frozen) == before
    changed = {n for n, p in run.model.named_parameters() if n in adapters and not torch.equal(p, adapters[n])}
    assert changed == set(adapters)


def test_training_after_an_evaluation_still_trains(tmp_path):
    """bitsandbytes repacks 4-bit weights at the first evaluation on some CPUs; then no gradient would pass."""
    run = trainer(tmp_path)
    ids = torch.tensor([[1, 5, 6, 7]])
    run.model.eval()
    with torch.no_grad():
        run.model(input_ids=ids)
    run.model.train()
    run.model(input_ids=ids, labels=ids).loss.backward()
    gradients = [p.grad for n, p in run.model.named_parameters() if "lora_B" in n]
    assert gradients and all(g is not None and g.abs().sum() > 0 for g in gradients)


def test_unmarked_checkpoints_are_not_resumed(tmp_path):
    for step, complete in ((2, True), (10, True), (100, False)):
        (tmp_path / f"checkpoint-{step}").mkdir()
        if complete:
            (tmp_path / f"checkpoint-{step}" / training.COMPLETE).touch()
    assert training.last_complete_checkpoint(tmp_path).name == "checkpoint-10"
    assert training.last_complete_checkpoint(tmp_path / "nothing") is None


def test_fine_tune_writes_an_adapter_with_its_base_on_record(tmp_path):
    run = training.fine_tune(PROFILE, ROWS, tmp_path / "adapter", disable_tqdm=True)
    assert run.steps == 4 and [step for step, _ in run.losses] == [4]  # fewer than it logs after, and still a loss
    models.check_adapter(run.adapter)
    record = json.loads((run.adapter / models.IDENTITY).read_text(encoding="utf-8"))
    assert record == models.base_identity(PROFILE.model)
    assert [path.name for path in tmp_path.iterdir()] == ["adapter"]


def test_a_stopped_run_leaves_nothing_behind(tmp_path):
    from transformers import TrainerCallback

    class Stop(TrainerCallback):
        def on_step_end(self, args, state, control, **kwargs):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        training.fine_tune(PROFILE, ROWS, tmp_path / "adapter", callbacks=[Stop()], disable_tqdm=True)
    assert list(tmp_path.iterdir()) == []


def test_an_existing_directory_is_never_overwritten(tmp_path):
    (tmp_path / "adapter").mkdir()
    with pytest.raises(InputError, match="exists already"):
        training.fine_tune(PROFILE, ROWS, tmp_path / "adapter")
