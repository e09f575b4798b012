"""Known noise, silenced by name: messages that say nothing about the learner's own work. Notebook 00 lists them.

And the other way round, `listen`: what the libraries say while something runs, kept instead of scrolling by.
"""

import logging
import os
import warnings
from collections.abc import Callable

# logger -> how the message starts. The kernels warning of bitsandbytes concerns 4-bit inference on CPUs with
# AVX512-BF16, which this course runs on the dequantizing path; the other one says that dequantize() dequantizes.
LOGGED = {
    "bitsandbytes.backends.cpu.ops": "Failed to load CPU gemm_4bit_forward from kernels-community",
    "transformers.integrations.bitsandbytes": "The modules are dequantized in",
}


def quiet(progress_bars: bool | None = None) -> None:
    """Silence the noise listed here; `progress_bars` keeps the hub's bars (for profiles that download weights), or not,
    or None: leaves that for a later call.

    Variables that the learner has set win. Call it before the libraries are imported: they read these once.
    """
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")  # else a warning whenever a data loader forks
    os.environ.setdefault("HF_DATASETS_DISABLE_PROGRESS_BARS", "1")
    if progress_bars is not None:
        os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "0" if progress_bars else "1")
    # peft 0.21 calls transformers 5.23 by old names
    old_names = "`(is_gradient_checkpointing|gradient_checkpointing_enable)` is deprecated"
    warnings.filterwarnings("ignore", message=old_names, category=FutureWarning)
    hush_loggers()


def hush_loggers() -> None:
    """Drop the messages in LOGGED; every other message of these loggers passes."""
    for name in LOGGED:
        logger = logging.getLogger(name)
        if _wanted not in logger.filters:
            logger.addFilter(_wanted)


def _wanted(record: logging.LogRecord) -> bool:
    return not str(record.msg).startswith(LOGGED[record.name])


def listen(action: Callable[[], object]) -> list[str]:
    """Run `action` and return what it warned (UserWarning) or logged through transformers, or raised: one text each.

    What transformers says once in a process, it says again.
    """
    lines: list[str] = []

    class Keeper(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(record.getMessage())

    logger = logging.getLogger("transformers")
    standing, logger.handlers = logger.handlers, [Keeper()]
    if once := getattr(logging.Logger, "warning_once", None):  # transformers puts it there, with a cache
        once.cache_clear()
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            action()
    except Exception as error:
        lines.append(f"{type(error).__name__}: {error}")
    finally:
        logger.handlers = standing
    return [str(warning.message) for warning in caught if issubclass(warning.category, UserWarning)] + lines
