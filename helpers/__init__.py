"""Shared code of the LoRA and QLoRA course: small modules, one subject each."""

from pathlib import Path

__version__ = "0.1.0"

ROOT = Path(__file__).resolve().parent.parent
DATA = ROOT / "data"
NOTEBOOKS = ROOT / "notebooks"
BUILD = ROOT / "build"
START = Path.cwd()  # where this process began: of a kernel, its notebook's directory
