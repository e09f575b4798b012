"""What the libraries' sources say: each mapped message is diagnosed as its case, and what no case covers is known."""

import re
import tomllib
import zipfile
from collections import Counter
from pathlib import Path

import pytest

from helpers import doctor
from helpers.errors import InputError
from helpers.files import load_jsonl
from tools import compiled, wordings

COMPILED = load_jsonl(compiled.MESSAGES)
MESSAGES = load_jsonl(wordings.MESSAGES)
HERE = Path(__file__).parent
LEFT_OUT = tomllib.loads((HERE / "left_out.toml").read_text(encoding="utf-8"))["left_out"]
NAMED = {
    rule["each"]: set((HERE / "left_out" / rule["each"]).read_text(encoding="utf-8").splitlines())
    for rule in LEFT_OUT
    if "each" in rule
}
# The modules that a LoRA or QLoRA run goes through; their raise statements are covered, or left out with a reason.
SCOPE = {
    "peft": r"peft/((auto|config|import_utils|mapping|mapping_func|peft_model|tuners/tuners_utils)"
    r"|tuners/lora/(model|layer|config|bnb)|utils/(other|save_and_load|integrations))\.py",
    "trl": r"trl/(trainer/(sft_trainer|sft_config|base_trainer|model_config|utils)|data_utils|chat_template_utils"
    r"|models/utils)\.py",
    "transformers": r"transformers/(trainer|training_args|trainer_utils|trainer_callback|modeling_utils"
    r"|tokenization_utils_base|data/data_collator|integrations/(bitsandbytes|peft|accelerate)"
    r"|quantizers/(auto|base|quantizer_bnb_4bit|quantizer_bnb_8bit)|utils/(hub|chat_template_utils)"
    r"|models/auto/(configuration_auto|auto_factory|tokenization_auto))\.py",
    "bitsandbytes": r"bitsandbytes/(functional|cextension|nn/modules|autograd/_functions|optim/optimizer)\.py",
    "datasets": r"datasets/(load|builder|features/features|table|arrow_writer)\.py",
    "accelerate": r"accelerate/(state|accelerator|utils/modeling)\.py",
    "safetensors": r"safetensors/torch\.py",
    "huggingface_hub": r"huggingface_hub/(utils/(_http|_validators)|errors|file_download|_snapshot_download)\.py",
}
HEADS = {"warning": "UserWarning: ", "error": "ERROR: "}


def told(kind: str, message: str, fill=()) -> str:
    """The last line of a report: the message with its holes filled."""
    for value in fill:
        message = message.replace(wordings.HOLE, value, 1)
    return HEADS.get(kind, f"{kind}: ") + message.replace(wordings.HOLE, "value")


def report(row: dict) -> str:
    """The row's last line alone; where that could be another program's, below the frame that it is raised from."""
    frame = f'  File "/x/site-packages/{row["file"]}", line 9, in f\n' if "file" in row else ""
    return frame + told(row["type"], row["message"], row.get("fill", ()))


@pytest.mark.parametrize("row", MESSAGES, ids=lambda row: f"{row['case']}-{row['library']}-{row['message'][:30]}")
def test_each_mapped_message_is_its_case(row):
    found = doctor.diagnose(report(row))
    assert found.case == row["case"], (row, found.evidence)


@pytest.mark.parametrize("row", COMPILED, ids=lambda row: f"{row['case']}-{row['library']}-{row['message'][:30]}")
def test_each_text_of_compiled_code_is_its_case(row):
    found = doctor.diagnose(report(row))
    assert found.case == row["case"], (row, found.evidence)


@pytest.mark.slow
@pytest.mark.parametrize("library", compiled.LIBRARIES)
def test_each_text_of_compiled_code_stands_in_the_installed_library(library):
    rows = [row for row in COMPILED if row["library"] == library]
    texts = [piece for row in rows for piece in compiled.pieces(row["message"])]
    assert len(rows) >= 8 and len(texts) >= len(rows)
    assert compiled.missing(library, texts) == []
    assert compiled.missing(library, [b"no library says this"]) == [b"no library says this"]
    whole = next(compiled.texts("tokenizers", "Input must be Union"))
    assert "TextEncodeInput must be Union[TextInputSequence, " in whole


def test_a_message_that_is_nobodys_own_needs_its_library_in_sight():
    general = [row for row in MESSAGES if "file" in row]
    assert len(general) >= 8
    for row in general:
        assert doctor.diagnose(told(row["type"], row["message"], row.get("fill", ()))).case is None, row


def test_the_mapped_messages_are_well_formed():
    known = {case.id for case in doctor.load()}
    assert len({(row["library"], row["message"]) for row in MESSAGES}) == len(MESSAGES) >= 600
    for row in MESSAGES:
        order = wordings.RELEASES[row["library"]].split().index
        assert row["case"] in known and order(row["first"]) <= order(row["last"])
        assert len(row["message"]) <= wordings.LONGEST


@pytest.fixture(scope="module")
def uncovered() -> list[tuple[str, str, str]]:
    """(file, type, message) of the installed releases' raise statements in SCOPE that no row of MESSAGES has."""
    covered = {(row["library"], row["message"]) for row in MESSAGES}
    found = []
    for library, places in SCOPE.items():
        files = wordings.installed(library, re.compile(places))
        assert files, library
        for message in wordings.package_messages(files):
            short = message.text[: wordings.LONGEST].rstrip()
            if message.type not in HEADS and (library, short) not in covered:
                found.append((message.at.rpartition(":")[0], message.type, message.text))
    return found


def rule_of(file: str, line: str) -> int | None:
    """The first rule of LEFT_OUT that covers a raise statement."""
    for number, rule in enumerate(LEFT_OUT):
        if "each" in rule:
            if f"{file}  {line}" in NAMED[rule["each"]]:
                return number
            continue
        here = any(file.startswith(begin) for begin in rule.get("files", [""]))
        if here and any(re.search(pattern, line) for pattern in rule["says"]):
            return number
    return None


def test_every_raise_statement_is_covered_or_left_out_for_a_reason(uncovered):
    rules = {row: rule_of(row[0], f"{row[1]}: {row[2]}") for row in uncovered}
    nobody = [row for row, rule in rules.items() if rule is None]
    assert not nobody, "neither a case's nor left out:\n" + "\n".join(f"{f}: {t}: {m}" for f, t, m in nobody)
    counts = Counter(rules.values())
    for number, rule in enumerate(LEFT_OUT):
        # A new raise statement of a known shape is read by somebody, too, before the number is set.
        assert counts[number] == rule["many"], f"{rule['reason']}: {counts[number]} messages"


def test_each_message_that_is_named_is_one_of_the_installed_releases(uncovered):
    said = {f"{file}  {kind}: {message}" for file, kind, message in uncovered}
    gone = [line for lines in NAMED.values() for line in lines - said]
    assert not gone, "no longer raised, or a case's now:\n" + "\n".join(gone)


def test_what_is_left_out_is_not_given_a_name(uncovered):
    for file, kind, message in uncovered:
        rule = LEFT_OUT[rule_of(file, f"{kind}: {message}")]
        found = doctor.diagnose(told(kind, message))
        assert found.case is None or rule.get("named"), (file, kind, message, found.case)


SOURCE = """
LONG = "a text of the module that is long enough to be a message"

def constant():
    raise KeyError(LONG)

def pieces(x):
    raise ValueError("one " f"{x.y!r} two" + " three")

def old_styles(x):
    if x:
        raise TypeError("{} of {:d}".format(x, 3))
    raise OSError("%s of %(n)d" % x)

def grown(x):
    text = f"at first {x}"
    text += ", then more"
    raise RuntimeError(text)

def either(x):
    raise IOError("this" if x else "that")

def made(x):
    raise _format(GatedRepoError, f"no access to {x}", 3) from None

def again():
    error = error_of("x")
    raise error

def told(x):
    logger.warning_once("careful with " + x)
    warnings.warn("an old name", FutureWarning)
    assert x, "there is no x"
    raise NotImplementedError
"""


def test_messages_are_read_from_the_syntax_tree():
    found = {(m.type, m.text) for m in wordings.messages(SOURCE, "a.py")}
    assert found == {
        ("KeyError", "a text of the module that is long enough to be a message"),
        ("ValueError", "one {} two three"),
        ("TypeError", "{} of {}"),
        ("OSError", "{} of {}"),
        ("RuntimeError", "at first {}"),
        ("RuntimeError", "at first {}, then more"),
        ("OSError", "this"),
        ("OSError", "that"),
        ("GatedRepoError", "no access to {}"),
        ("warning", "careful with {}"),
        ("warning", "an old name"),
        ("AssertionError", "there is no x"),
        ("NotImplementedError", ""),
    }


def test_a_constant_of_another_module_counts_and_a_file_of_another_python_is_passed_over():
    files = {"a.py": 'NO_LUCK = "a constant that another module of the package raises with"', "b.py": "print 1"}
    files["c.py"] = "from a import NO_LUCK\ndef f():\n    raise ValueError(NO_LUCK)"
    assert [m.text for m in wordings.package_messages(files)] == [
        "a constant that another module of the package raises with"
    ]


def test_first_and_last_release_of_each_message(tmp_path, monkeypatch):
    monkeypatch.setattr(wordings, "RELEASES", {"lib": "1.0 2.0 3.0"})
    said = {"1.0": ["old", "always"], "2.0": ["always"], "3.0": ["always", "new"]}
    for release, texts in said.items():
        folder = tmp_path / f"lib-{release}"
        folder.mkdir()
        with zipfile.ZipFile(folder / f"lib-{release}-py3-none-any.whl", "w") as wheel:
            wheel.writestr("lib/a.py", "\n".join(f"raise ValueError({text!r})" for text in texts))
            wheel.writestr("lib/tests/b.py", "raise ValueError('of a test')")
    rows = [{"case": "c", "library": "lib", "type": "ValueError", "message": text} for text in ("old", "always", "new")]
    spans = [(row["first"], row["last"]) for row in wordings.update(rows, tmp_path)]
    assert spans == [("1.0", "1.0"), ("1.0", "3.0"), ("3.0", "3.0")]
    with pytest.raises(InputError, match="no release of lib says: gone"):
        wordings.update([{**rows[0], "message": "gone"}], tmp_path)
