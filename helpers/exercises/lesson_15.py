"""The check of notebook 15's exercise: what is missing in an adapter's directory."""

import tempfile
from collections.abc import Callable
from pathlib import Path

import torch
from safetensors.torch import save_file

from helpers.exercises import exercise, wrong

CONFIG, WEIGHTS = "adapter_config.json", "adapter_model.safetensors"
POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + 64 * b"0" + b"\nsize 1119664\n"


def adapter(folder: Path, name: str) -> Path:
    """A small adapter's two files, whole."""
    directory = folder / name
    directory.mkdir()
    (directory / CONFIG).write_text('{"peft_type": "LORA"}', encoding="utf-8")
    save_file({"lora_A": torch.zeros(64, 64)}, directory / WEIGHTS)
    return directory


@exercise
def missing(answer: Callable) -> str:
    """`answer(directory)` is the list of the adapter's files that are not there as they should be."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)

        def found(directory: Path) -> list[str]:
            try:
                names = answer(str(directory))
            except NotImplementedError:
                raise
            except Exception as error:
                wrong(f"it raised {type(error).__name__}: a file that is absent or damaged is an answer, no error")
            if names is None:
                wrong("it returned None: is a return missing?")
            return [str(name) for name in names]

        if found(adapter(folder, "whole")):
            wrong("a whole adapter has nothing missing, and it named something")
        if found(folder / "nowhere") != [CONFIG, WEIGHTS]:
            wrong(f"of a directory that does not exist both files are missing: {CONFIG}, then {WEIGHTS}")
        for label, file in (("half", WEIGHTS), ("other", CONFIG)):
            directory = adapter(folder, label)
            (directory / file).unlink()
            if found(directory) != [file]:
                wrong(f"{file} was deleted, and the answer is not [{file!r}]")
        for label, file in (("no_text", CONFIG), ("no_bytes", WEIGHTS)):
            directory = adapter(folder, label)
            (directory / file).write_bytes(b"")
            if found(directory) != [file]:
                wrong(f"{file} is there and empty, as after a copy that never began: being there is not enough")
        cut = adapter(folder, "cut")
        whole = (cut / WEIGHTS).read_bytes()
        (cut / WEIGHTS).write_bytes(whole[: len(whole) // 2])
        if found(cut) != [WEIGHTS]:
            wrong("half of the weights' file is not enough: safe_open compares its size with its header")
        pointer = adapter(folder, "pointer")
        (pointer / WEIGHTS).write_bytes(POINTER)
        if found(pointer) != [WEIGHTS]:
            wrong("a git-lfs pointer has some 130 bytes of text and no weights: open the file with safe_open")
    return "absent, empty, cut and pointer are all found, and a whole adapter is let through."
