"""Clean and train agree on every base: what its template takes, what it refuses, and how long a row is in it."""

import json
import subprocess
import sys
from dataclasses import replace
from importlib.metadata import version

import pytest
from bases import DEAF, PLAIN, STRICT, chat, make_base
from clean_tools import clean_bytes, lines

from helpers import DATA, models, profiles, training
from helpers.chats import check_lengths, for_template
from helpers.clean import ChatTokenizer
from helpers.clean.base_tokenizer import BaseTokenizer
from helpers.errors import InputError

TOOLED = (
    "{% if tools %}<tools>{{ tools | tojson }}{% endif %}{% for m in messages %}<{{ m['role'] }}>{{ m['content'] }}"
    "{% for call in m.tool_calls or [] %}{{ call.function | tojson }}{% endfor %}{{ eos_token }}{% endfor %}"
    "{% if add_generation_prompt %}<assistant>{% endif %}"
)
SYSTEM = [
    chat(
        ("system", "Answer in one line."), ("user", f"Which lamp is {k} {'far ' * k}away?"), ("assistant", f"Lamp {k}.")
    )
    for k in range(2, 20)
]


@pytest.mark.parametrize("template", [PLAIN, STRICT, DEAF])
def test_a_row_that_clean_keeps_is_short_enough_to_train(template, tmp_path):
    tokenizer = models.load_tokenizer(make_base(tmp_path / "base", template))
    report, kept, _ = clean_bytes(tmp_path / "data", lines(*SYSTEM), tokenizer=tokenizer, max_tokens=100)
    assert 2 < report.kept < len(SYSTEM) and set(report.reasons) == {"over_long"}
    check_lengths(tokenizer, for_template(tokenizer, kept), 100)
    rejected = [row for row in SYSTEM if row["messages"] not in [one["messages"] for one in kept]]
    for row in for_template(tokenizer, rejected):
        assert len(tokenizer.apply_chat_template(row["messages"], return_dict=False)) > 100


def test_a_row_that_the_template_refuses_is_rejected_with_its_words(tmp_path):
    refusing = PLAIN + "{% if messages | length > 2 %}{{ raise_exception('one question only') }}{% endif %}"
    tokenizer = models.load_tokenizer(make_base(tmp_path / "base", refusing))
    rows = [SYSTEM[0], chat(*[("user", "Which lamp?"), ("assistant", "The blue one.")])]
    report, kept, rejects = clean_bytes(
        tmp_path / "data", lines(*rows, chat(*[("user", "a"), ("assistant", "b")] * 2)), tokenizer=tokenizer
    )
    assert len(kept) == 2 and report.reasons == {"template": 1} and "one question only" in rejects[0]["detail"]


def test_a_template_may_be_given_in_place_of_the_models_own(tmp_path):
    base = make_base(tmp_path / "base", None)
    messages = SYSTEM[0]["messages"]
    assert ChatTokenizer(base, PLAIN).count(messages) > ChatTokenizer(base).count(messages)


def test_tools_and_calls_go_whole_from_clean_to_the_tokens_of_training(tmp_path):
    tokenizer = models.load_tokenizer(base := make_base(tmp_path / "base", TOOLED))
    tool = {"type": "function", "function": {"name": "find_lamp", "parameters": {"type": "object", "properties": {}}}}
    rows = []
    for number, arguments in enumerate(({"colour": "blue"}, {"room": 3})):
        calls = [{"function": {"name": "find_lamp", "arguments": json.dumps(arguments)}}]
        turns = chat(
            ("user", f"Where is lamp {number}?"), ("tool", "hall"), ("assistant", f"In the hall, number {number}.")
        )
        turns["messages"].insert(1, {"role": "assistant", "content": None, "tool_calls": calls})
        rows.append({**turns, "tools": [tool["function"]]})
    limit = {"tokenizer": tokenizer, "max_tokens": 600}
    report, kept, rejects = clean_bytes(tmp_path / "data", lines(*rows), **limit)
    assert report.kept == 2, rejects
    assert clean_bytes(tmp_path / "data", lines(*kept), **limit)[1] == kept and not report.fields_ignored
    profile = replace(profiles.select("tiny"), model=base, quantize=False, batch_size=2, max_steps=1, max_length=600)
    args = training.sft_config(profile, tmp_path / "run", disable_tqdm=True)
    made = training.make_trainer(profile, kept, args)
    texts = [tokenizer.decode(example["input_ids"]) for example in made.train_dataset]
    assert len(texts) == 4  # the calls are learned, too
    assert all("find_lamp" in text.partition("<user>")[0] for text in texts)
    assert '"arguments": {"colour": "blue"}' in texts[0] and "room" not in texts[0]
    refused = clean_bytes(tmp_path / "data", lines(*rows), tokenizer=models.load_tokenizer(make_base(tmp_path / "b")))
    assert refused[0].reasons == {"tool_calls": 2}


def test_the_embedded_base_is_read_as_transformers_reads_it():
    """Its files alone give the same text, the same tokens and the same control tokens."""
    ours, theirs = ChatTokenizer(), models.load_tokenizer(DATA / "base")
    assert type(ours.tokenizer) is BaseTokenizer and type(ChatTokenizer(theirs).tokenizer) is type(theirs)
    assert ours.tokenizer.backend_tokenizer.to_str() == theirs.backend_tokenizer.to_str()
    assert ours.special_tokens == ChatTokenizer(theirs).special_tokens and ours.takes_tools == ChatTokenizer(theirs).takes_tools  # fmt: skip
    rows = [
        *SYSTEM[:2],
        *map(ask_and_tell, ("", "  spaces \n", "退货 3 件\n\n好的", "e\u0301 <|im_end|> {{ x }}", "😀 \u200d")),
    ]
    for messages in (row["messages"] for row in rows):
        text = ours.tokenizer.apply_chat_template(messages)
        assert text == theirs.apply_chat_template(messages, tokenize=False)
        assert ours.tokenizer(text)["input_ids"] == theirs(text, add_special_tokens=False)["input_ids"]
        assert ours.count(messages) == ChatTokenizer(theirs).count(messages)
    with pytest.raises(InputError, match="no such directory"):
        ChatTokenizer(DATA / "base2").count(rows[0]["messages"])


def ask_and_tell(text: str) -> dict:
    return chat(("user", text), ("assistant", f"You said {text}"))


def test_the_base_needs_no_import_of_seconds(tmp_path):
    """Neither torch nor transformers is imported where the embedded base's tokenizer is the one."""
    (tmp_path / "in.jsonl").write_bytes(lines(*SYSTEM))
    script = (
        "import sys\nfrom helpers.cli import app\n"
        "app(['clean', 'in.jsonl', '--out', 'o', '--rejects', 'r', '--profile', 'tiny'], standalone_mode=False)\n"
        "print([name for name in ('torch', 'transformers') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0 and "18 rows read" in done.stdout, done.stderr
    if version("torch").endswith("+cpu"):
        assert done.stdout.splitlines()[-1] == "[]"
