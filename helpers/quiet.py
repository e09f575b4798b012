"""Known noise, silenced by name: messages that say nothing about the learner's own work. Notebook 00 lists them."""

import logging
import os
import warnings

# logger -> how the message starts. The kernels warning of bitsandbytes concerns 4-bit inference on CPUs with
# AVX512-BF16, which this course runs on the dequantizing path; the other one says that dequantize() dequantizes.
LOGGED = {
    "bitsandbytes.backends.cpu.ops": "Failed to load CPU gemm_4bit_forward from kernels-community",
    "transformers.integrations.bitsandbytes": "The modules are dequantized in",
}


def quiet(progress_bars: bool) -> None:
    """Silence the noise listed here; `progress_bars` keeps the hub's bars, for profiles that download weights.

    Variables that the learner has set win. Call it before the libraries are imported: they read these once.
    """
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")  # else a warning whenever a data loader forks
    os.environ.setdefault("HF_DATASETS_DISABLE_PROGRESS_BARS", "1")
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "0" if progress_bars else "1")
    # peft 0.21 asks transformers 5.23 by an old name
    warnings.filterwarnings("ignore", message="`is_gradient_checkpointing` is deprecated", category=FutureWarning)
    hush_loggers()


def hush_loggers() -> None:
    """Drop the messages in LOGGED; every other message of these loggers passes."""
    for name in LOGGED:
        logger = logging.getLogger(name)
        if _wanted not in logger.filters:
            logger.addFilter(_wanted)


def _wanted(record: logging.LogRecord) -> bool:
    return not str(record.msg).startswith(LOGGED[record.name])
