"""What the table of drift says of one argument, for somebody who has the error and not the script at hand."""

from helpers.drift.libraries import LIBRARIES
from helpers.drift.report import describe
from helpers.drift.table import NOT_OF_CALLS, load

# Under which of its bases the table may know a class, by the end of its name. No library is imported for this.
BASES = {
    "Config": "transformers.TrainingArguments",
    "Arguments": "transformers.TrainingArguments",
    "Trainer": "transformers.Trainer",
    "ForCausalLM": "transformers.PreTrainedModel",
}


def about(call: str, argument: str) -> list[str]:
    """What became of `argument` of the call that an error names (`SFTTrainer.__init__`): a sentence for each entry.

    Where the table knows the argument of other calls only, those are said; nothing where it does not know it at all.
    """
    parts = [part for part in call.split(".") if part != "__init__"]
    name = ".".join(parts)
    names = [f"{library}.{name}" for library in LIBRARIES]
    names += [
        f"{base}.{parts[-1]}" if len(parts) > 1 else base for end, base in BASES.items() if parts[0].endswith(end)
    ]
    gone = [entry for entry in load().entries if entry.argument == argument and entry.kind not in NOT_OF_CALLS]
    of_this = [entry for entry in gone if entry.fits(names)]
    said = [describe(parts[0], argument, entry) for entry in of_this]
    said = said or [describe(entry.object[0].partition(".")[2], argument, entry) for entry in gone]
    return list(dict.fromkeys(said))
