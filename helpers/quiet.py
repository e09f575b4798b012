"""Known noise, silenced by name: messages that say nothing about the learner's own work. Notebook 00 lists them."""

import logging
import os


def quiet(progress_bars: bool) -> None:
    """Silence the noise listed here; `progress_bars` keeps the hub's bars, for profiles that download weights.

    Variables that the learner has set win. Call it before the libraries are imported: they read these once.
    """
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")  # else a warning whenever a data loader forks
    os.environ.setdefault("HF_DATASETS_DISABLE_PROGRESS_BARS", "1")
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "0" if progress_bars else "1")
    hush_kernels_warning()


def hush_kernels_warning() -> None:
    """Drop one warning of bitsandbytes on CPUs with AVX512-BF16: an optional kernel from the hub is not installed.

    It concerns 4-bit inference only, which this course runs on the dequantizing path; every other message passes.
    """
    logger = logging.getLogger("bitsandbytes.backends.cpu.ops")
    if _not_about_kernels not in logger.filters:
        logger.addFilter(_not_about_kernels)


def _not_about_kernels(record: logging.LogRecord) -> bool:
    return not str(record.msg).startswith("Failed to load CPU gemm_4bit_forward from kernels-community")
