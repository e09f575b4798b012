"""The table of drift held against the installed libraries. Returns what is wrong, one line each; empty means passed."""

import tempfile
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

from helpers import DATA
from helpers.drift import libraries
from helpers.drift.libraries import MissingError
from helpers.drift.table import Entry, Table

BASE = str(DATA / "base")
# A concrete object for each pattern of the table.
SAMPLES = {
    "transformers.AutoModel*.from_pretrained": "transformers.AutoModelForCausalLM.from_pretrained",
    "peft.AutoPeftModel*.from_pretrained": "peft.AutoPeftModelForCausalLM.from_pretrained",
    "transformers.TF*": "transformers.TFAutoModelForCausalLM",
    "transformers.Flax*": "transformers.FlaxAutoModelForCausalLM",
    "transformers.*FeatureExtractor": "transformers.CLIPFeatureExtractor",
}
# Real libraries complain in these ways about an argument or a value that they do not take.
REJECTIONS = (TypeError, ValueError, KeyError, RuntimeError)
# A value that an argument takes effect with, and what it takes effect beside.
GIVEN: dict[str, dict] = {
    "penalty_alpha": {"penalty_alpha": 0.6, "top_k": 4},
    "num_beam_groups": {"num_beam_groups": 2, "num_beams": 4},
    "force_words_ids": {"force_words_ids": [[5]]},
    "constraints": {"constraints": [1]},
    "dola_layers": {"dola_layers": "high"},
    "return_legacy_cache": {"return_legacy_cache": False},
    "use_model_defaults": {"use_model_defaults": False},
}


def wrong_entries(table: Table, folder: Path) -> list[str]:
    """All complaints about a table; `folder` is for the few calls that read or write files."""
    return [
        f"{name} {entry.argument or ''} {entry.value}: {complaint}"
        for entry in table.entries
        for name in (SAMPLES.get(pattern, pattern) for pattern in entry.object)
        for complaint in complaints(entry, name, folder)
    ]


def complaints(entry: Entry, name: str, folder: Path) -> Iterator[str]:
    """What an entry says of the object `name` that is not so today."""
    if not entry.argument:
        yield from _object_complaints(entry, name)
        return
    if entry.kind == "ungiven":
        given = given_to_callbacks()
        if entry.argument in given or entry.new not in given:
            yield "it is still called with that" if entry.argument in given else "the new one is not given"
        return
    takes = libraries.accepts(name)
    known = takes.names if takes else ()
    if entry.kind == "default":
        if name in BY_RUNNING and entry.argument not in known:
            return
        default = takes.defaults.get(entry.argument, "none such")
        if entry.argument not in known or str(default) not in (entry.now, "None"):
            yield f"the default is {default!r}"
    elif entry.kind == "override":
        if entry.argument not in known:
            yield "it is not called with that"
    elif entry.kind in ("deprecated", "ignored"):
        if entry.argument not in known and not takes.anything or rejected(entry, name, folder):
            yield "not accepted"
    elif not entry.beside and not rejected(entry, name, folder):
        yield "still accepted"
    yield from _new_complaints(entry, name, known, takes.anything, folder)


def rejected(entry: Entry, name: str, folder: Path, argument: str = "", value: str = "") -> bool:
    """Whether a real call refuses the entry's argument (or another, with another value), and says so by its name."""
    argument, value = argument or entry.argument, value or entry.value
    given = {"True": True, "False": False, "": None}.get(value, value.replace("*", "_a_to_b"))
    call = BY_RUNNING.get(name) or libraries.find(name)
    with warnings.catch_warnings(), tempfile.TemporaryDirectory(dir=folder) as inner:
        warnings.simplefilter("ignore")
        try:
            call(**{argument: given}, **({"folder": Path(inner)} if name in BY_RUNNING else {}))
        except REJECTIONS as error:
            text = str(error)
            return f"'{argument}'" in text or bool(value) and str(given) in text
        except Exception:  # it got past its arguments
            return False
    return False


def given_to_callbacks() -> set[str]:
    """The arguments by name that transformers calls a callback with."""
    from transformers import TrainerCallback, TrainingArguments
    from transformers.trainer_callback import CallbackHandler, DefaultFlowCallback

    given: set[str] = set()

    class Listening(TrainerCallback):
        def on_step_begin(self, args, state, control, **kwargs):
            given.update(kwargs)

    handler = CallbackHandler([DefaultFlowCallback(), Listening()], None, None, None, None)
    with tempfile.TemporaryDirectory() as folder:
        handler.call_event("on_step_begin", TrainingArguments(folder, use_cpu=True), None, None)
    return given


def _object_complaints(entry: Entry, name: str) -> Iterator[str]:
    gone = _is_gone(name)
    if entry.kind in ("deprecated", "ignored") and gone:
        yield "not there"
    if entry.kind in ("renamed", "removed", "moved") and not gone:
        yield "still there"
    if entry.new and _is_gone(entry.new):
        yield f"there is no {entry.new}"
    if entry.new == name:
        yield "the new name is the old one"


def _new_complaints(entry: Entry, name: str, known, anything: bool, folder: Path) -> Iterator[str]:
    if entry.value and entry.new:
        if rejected(entry, name, folder, value=entry.new):
            yield f"{entry.new} is rejected, too"
        return
    new, _, value = entry.becomes.partition("=") if entry.becomes else (entry.new, "", "")
    if new and new not in known:
        if not anything or rejected(entry, name, folder, argument=new, value=value.strip("\"'")):
            yield f"{new} is not accepted"


def _is_gone(name: str) -> bool:
    owner, _, last = name.rpartition(".")
    try:
        libraries.find(name)
        return False
    except MissingError:  # what the constructor sets on an object is no attribute of the class
        return f"self.{last} = " not in _source(owner)


def _source(owner: str) -> str:
    import inspect

    try:
        return inspect.getsource(libraries.find(owner).__init__)
    except (MissingError, AttributeError, TypeError, OSError):
        return ""


def _load_model(folder: Path, **arguments):
    from transformers import AutoModelForCausalLM

    return AutoModelForCausalLM.from_pretrained(BASE, **arguments)


def _load_peft(folder: Path, **arguments):
    from peft import AutoPeftModelForCausalLM, LoraConfig, get_peft_model

    get_peft_model(_load_model(folder), LoraConfig(r=1, target_modules=["q_proj"])).save_pretrained(folder)
    return AutoPeftModelForCausalLM.from_pretrained(folder, **arguments)


def _load_tokenizer(folder: Path, **arguments):
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(BASE, **arguments)


def _load_rows(folder: Path, path: str = "json", **arguments):
    from datasets import load_dataset

    if path != "json":
        (folder / path).write_text("", encoding="utf-8")
        return load_dataset(str(folder / path))
    (folder / "rows.jsonl").write_text('{"a": 1}\n', encoding="utf-8")
    return load_dataset("json", data_files=str(folder / "rows.jsonl"), cache_dir=str(folder / "cache"), **arguments)


def _pipeline(folder: Path, task: str | None = None, **arguments):
    from transformers.pipelines import check_task

    return check_task(task) if task else None


def _generate(folder: Path, **arguments):
    """A call of generate; what it wants remote code for, it refuses without naming the argument."""
    from transformers import AutoTokenizer

    (argument,) = arguments
    inputs = AutoTokenizer.from_pretrained(BASE)("a", return_tensors="pt")
    try:
        return _load_model(folder).generate(**inputs, max_new_tokens=1, **GIVEN.get(argument, arguments))
    except ValueError as error:
        raise ValueError(f"'{argument}': {error}") from error


def _tokenizer(method: str) -> Callable:
    def call(folder: Path, **arguments):
        tokenizer = _load_tokenizer(folder)
        if method == "pad":
            return tokenizer.pad({"input_ids": [[1]]}, **arguments)
        if method == "apply_chat_template":
            return tokenizer.apply_chat_template([{"role": "user", "content": "a"}], **arguments)
        return getattr(tokenizer, method)("a b", **arguments)

    return call


def _save_model(folder: Path, **arguments):
    return _load_model(folder).save_pretrained(folder, **arguments)


def _lora(folder: Path, **arguments):
    from peft import LoraConfig

    return LoraConfig(**arguments)


def _config(class_name: str) -> Callable:
    def make(folder: Path, **arguments):
        return libraries.find(class_name)(output_dir=str(folder), **arguments)

    return make


# Objects that take any keyword, or check a value in their body: only running them shows what they refuse.
BY_RUNNING: dict[str, Callable] = {
    "transformers.AutoModelForCausalLM.from_pretrained": _load_model,
    "transformers.PreTrainedModel.from_pretrained": _load_model,
    "transformers.PreTrainedModel.save_pretrained": _save_model,
    "transformers.AutoTokenizer.from_pretrained": _load_tokenizer,
    "transformers.GenerationMixin.generate": _generate,
    "transformers.Pipeline.__call__": _generate,
    "transformers.PreTrainedTokenizerBase.__call__": _tokenizer("__call__"),
    "transformers.PreTrainedTokenizerBase.encode": _tokenizer("encode"),
    "transformers.PreTrainedTokenizerBase.pad": _tokenizer("pad"),
    "transformers.PreTrainedTokenizerBase.apply_chat_template": _tokenizer("apply_chat_template"),
    "transformers.pipeline": _pipeline,
    "transformers.TrainingArguments": _config("transformers.TrainingArguments"),
    "trl.SFTConfig": _config("trl.SFTConfig"),
    "peft.AutoPeftModelForCausalLM.from_pretrained": _load_peft,
    "peft.PeftConfig": _lora,
    "datasets.load_dataset": _load_rows,
}
