"""Write what a group needs that starts in the middle: the files that the lessons before would have left.

`python -m tools.catch_up` (`make catch-up`) writes, for the profile of this machine, into build/catch-up: clean.jsonl
(as after 01), adapter/ (as after 04), merged/ (as after 20). What is there already stays.
"""

import shutil
from pathlib import Path

from helpers import BUILD, DATA, profiles
from helpers.chats import read_chat
from helpers.merging import merge, save_merged
from helpers.models import adapter_tokenizer
from helpers.profiles import Profile
from helpers.training import fine_tune, training_bar

FOLDER = BUILD / "catch-up"


def write(profile: Profile, folder: Path = FOLDER) -> list[Path]:
    """Write what is missing in `folder`, each whole or not at all; returns the three paths."""
    rows, adapter, merged = folder / "clean.jsonl", folder / "adapter", folder / "merged"
    folder.mkdir(parents=True, exist_ok=True)
    if not rows.exists():
        shutil.copy(DATA / "tickets" / "clean.jsonl", rows)
    if not adapter.exists():
        shutil.rmtree(merged, ignore_errors=True)  # of another adapter
        fine_tune(profile, read_chat(rows), adapter, [training_bar()])
    if not merged.exists():
        path = "dequantized" if profile.quantize else "full"
        save_merged(merge(adapter, profile, path), adapter_tokenizer(adapter, profile.model), merged)
    return [rows, adapter, merged]


if __name__ == "__main__":
    for written in write(profiles.select()):
        print(written.relative_to(BUILD.parent))
