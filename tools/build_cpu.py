"""Makes data/runs/cpu: what notebook 03 shows of a 4-bit layer on both kinds of CPU. `python -m tools.build_cpu`

The notebook's own cells (tagged cpu-card) run in a fresh process. A CPU with AVX512-BF16 gives both cards: for the
other kind, bitsandbytes' question whether the CPU has the instructions is answered with no, which is all that tells the
two apart in its layers. A CPU without them gives only its own card; the other stays as it is.
"""

import importlib.metadata
import json
import platform
import subprocess
import sys

import nbformat

from helpers import DATA, NOTEBOOKS, ROOT
from helpers.files import save_json

CARDS = DATA / "runs" / "cpu"
NOTEBOOK, TAG = "03_qlora_loading.ipynb", "cpu-card"
PACKAGES = ("torch", "bitsandbytes")


def run_cells(pretend: bool) -> tuple[bool, dict[str, str]]:
    """Whether bitsandbytes sees the instructions, and what the cells say; `pretend`: it is told that there are none."""
    import bitsandbytes

    if pretend:
        bitsandbytes.nn.modules.has_avx512bf16 = lambda: False
    notebook = nbformat.read(NOTEBOOKS / NOTEBOOK, as_version=4)
    cells = [cell.source for cell in notebook.cells if TAG in cell.metadata.get("tags", [])]
    names: dict = {}
    exec("\n".join(cells), names)
    return bool(bitsandbytes.nn.modules.has_avx512bf16()), names["outcomes"]


def in_a_fresh_process(pretend: bool) -> tuple[bool, dict[str, str]]:
    """`run_cells` in a process of its own, so that neither kind sees what the other left."""
    code = f"import json\nfrom tools.build_cpu import run_cells\nprint(json.dumps(run_cells({pretend})))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    return tuple(json.loads(done.stdout.splitlines()[-1]))


def build() -> None:
    """Write the cards that this machine can give."""
    has, outcomes = in_a_fresh_process(False)
    made = {has: (outcomes, "on such a CPU")}
    if has:
        how = "on a CPU that has the instructions, bitsandbytes told that it has not; a CPU without them agreed earlier"
        made[False] = in_a_fresh_process(True)[1], how
    for kind, (outcomes, how) in made.items():
        card = {
            "made_by": "python -m tools.build_cpu",
            "avx512_bf16": kind,
            "how": how,
            "machine": platform.machine(),
            "versions": {name: importlib.metadata.version(name) for name in PACKAGES},
            "outcomes": outcomes,
        }
        save_json(CARDS / f"{'with' if kind else 'without'}_avx512_bf16.json", card)


if __name__ == "__main__":
    build()
