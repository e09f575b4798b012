"""Known wrong answers to the exercise of notebook 15, and words of the hint that each must get."""

HEAD = """
import json
from pathlib import Path

from safetensors import safe_open

FILES = ("adapter_config.json", "adapter_model.safetensors")

"""


def answer(body: str) -> str:
    lines = "".join(f"    {line}\n" for line in body.strip("\n").splitlines())
    return f"{HEAD}def missing(directory):\n{lines}"


SIZE = "return [n for n in FILES if not Path(directory, n).is_file() or Path(directory, n).stat().st_size {limit}]"
HALF = """
weights = Path(directory, FILES[1])
wrong = []
try:
    json.loads(Path(directory, FILES[0]).read_text())
except (OSError, ValueError):
    wrong.append(FILES[0])
if not weights.is_file() or {test}:
    wrong.append(FILES[1])
return wrong
"""

WRONG = {
    "missing": [
        (answer("return list(FILES)"), "a whole adapter has nothing missing"),
        (answer("print(directory)"), "returned None"),
        (answer("return [n for n in FILES if n not in [p.name for p in Path(directory).iterdir()]]"), "is an answer"),
        (answer("return [] if Path(directory).is_dir() else list(FILES)"), "was deleted"),
        (answer("return [] if Path(directory).is_dir() else [FILES[0]]"), "both files are missing"),
        (answer("return [n for n in FILES if not Path(directory, n).exists()]"), "is there and empty"),
        (answer(SIZE.format(limit="== 0")), "safe_open compares"),
        (answer(HALF.format(test="b'lora_A' not in weights.read_bytes()")), "safe_open compares"),
        (
            answer(HALF.format(test="0 < weights.stat().st_size < 1 or not weights.stat().st_size")),
            "safe_open compares",
        ),
        (answer(HALF.format(test="weights.stat().st_size in (0, 8232)")), "git-lfs pointer"),
    ]
}
