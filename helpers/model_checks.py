"""What can be wrong with a model or an adapter before it is loaded: each is one line that says what to do."""

import hashlib
import json
import pickle
import re
import warnings
import zipfile
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

from helpers.errors import InputError

WEIGHTS, MERGED = "adapter_model.safetensors", "merged.json"
PATIENCE = 4  # seconds for a hub to answer
OWN_CODE = (
    "asks to run Python code that came with it, which is never done here: take a model of a kind that transformers has "
    "itself"
)


CAUSAL = "and only causal language models can be trained here: take one whose config.json names a ...ForCausalLM"


@contextmanager
def loading(model: str | Path, weights: bool = False) -> Iterator[None]:
    """Around a library's loading of a model, or of its tokenizer and settings alone: what it raises for a bad or
    unreachable one becomes an InputError."""
    check_reachable(str(model), weights)
    try:
        yield
    except InputError:
        raise
    except pickle.UnpicklingError as error:
        raise InputError(pickled(model)) from error
    except Exception as error:  # somebody else's files: the libraries raise many kinds
        if "out of memory" in str(error).lower():
            raise
        if asks_for_own_code(error):
            raise InputError(f"{model} {OWN_CODE}") from error
        if "Unrecognized configuration class" in str(error):
            raise InputError(f"{model} is of a kind that has no causal language model, {CAUSAL}") from error
        raise InputError(f"{model} cannot be loaded: {first_line(error)}") from error


def asks_for_own_code(error: BaseException) -> bool:
    """Whether a library says that it would have to run Python code that came with a model."""
    return "contains custom code" in str(error)


def pickled(what: str | Path) -> str:
    """What to say of weights that torch's loader of plain tensors refuses."""
    return f"{what}: a pickle is damaged or calls foreign code, which was not run; take weights in safetensors"


def first_line(error: Exception) -> str:
    """The first line of an error's text, at most 200 characters of it; its kind where the text is a single word."""
    text = (str(error).strip() or "no message").splitlines()[0]
    text = text if " " in text and str(error) else f"{type(error).__name__}: {text}"
    return text if len(text) <= 200 else f"{text[:200]}..."


def check_reachable(model: str, weights: bool = False) -> None:
    """Raise InputError for a hub id that is not in the cache (with its `weights`), where no hub answers or has it.

    The libraries would ask six times with waits in between, for half a minute and more.
    """
    from huggingface_hub import HfApi, constants, try_to_load_from_cache
    from huggingface_hub.errors import HfHubHTTPError, RepositoryNotFoundError

    if Path(model).exists():
        return
    try:
        cached = try_to_load_from_cache(model, "config.json")
        if not isinstance(cached, str) or weights and weights_missing(Path(cached).parent):
            HfApi().model_info(model, timeout=PATIENCE)
    except InputError:
        raise
    except RepositoryNotFoundError:
        raise InputError(
            f"{constants.ENDPOINT} has no model {model}, or does not show it to you: check the name, or log in with "
            "`hf auth login`"
        ) from None
    except HfHubHTTPError as error:
        if (status := error.response.status_code) >= 500:
            raise InputError(
                f"no model {model} on this machine, and {constants.ENDPOINT} is out of order (status {status}): try "
                "again later, or give the model's directory"
            ) from None
        return  # it answers: loading says what is wrong
    except ValueError as error:
        raise InputError(f"{model!r} is neither a directory nor a hub id: {first_line(error)}") from None
    except Exception as error:  # no connection: of which kind depends on the hub's HTTP library
        raise InputError(
            f"no model {model} on this machine, and {constants.ENDPOINT} cannot be reached ({first_line(error)}): "
            "check the connection, or give the model's directory"
        ) from None


def check_weights(directory: Path) -> None:
    """Raise InputError for a model directory whose weights are missing, in part or whole, or cut off."""
    from safetensors import SafetensorError, safe_open

    if not directory.is_dir():
        return
    if (settings := directory / "generation_config.json").exists():
        read_json(settings)  # transformers passes over one that it cannot read: the model would not know where to stop
    present = {path.name for path in directory.glob("*.safetensors")}
    if missing := weights_missing(directory):
        raise InputError(f"{directory} {missing}; download or save it again")
    for file in () if present else sorted(directory.glob("*.bin")):
        check_pickle(file)
    for name in sorted(present):
        try:
            with safe_open(directory / name, "pt"):
                pass
        except (SafetensorError, OSError) as error:
            raise InputError(
                f"{directory / name} is damaged or cut off ({first_line(error)}): download or save it again"
            ) from None
    check_recorded(directory, MERGED)


def check_recorded(directory: Path, card: str) -> None:
    """Raise InputError if a file of an adapter or a merged model is gone, or is not what was written, by its card.

    The README, and what nobody loads, may change.
    """
    recorded = read_json(directory / card) if (directory / card).is_file() else {}
    for name, digest in recorded.get("files", {}).items():
        file = directory / name
        if file.suffix in (".json", ".jinja", ".safetensors"):
            if not file.is_file():
                raise InputError(f"{file} is missing, which was written with the others: write or copy them again")
            with file.open("rb") as stream:
                changed = hashlib.file_digest(stream, "sha256").hexdigest() != digest
            if changed:
                raise InputError(
                    f"{file} is damaged, or was changed since it was written: write or copy it again; if you meant to "
                    f'change it, take "files" out of {directory / card}'
                )


def weights_missing(directory: Path) -> str:
    """What a model's directory lacks of its weights, in words; '' for nothing."""
    index = directory / "model.safetensors.index.json"
    shards = set(read_json(index).get("weight_map", {}).values()) if index.exists() else set()
    present = {path.name for path in directory.glob("*.safetensors")}
    if missing := sorted(shards - present):
        return f"is not whole: {', '.join(missing[:3])} is missing"
    return "" if present or any(directory.glob("*.bin")) else "holds no weights (*.safetensors)"


def check_kind(config, model: str | Path) -> None:
    """Raise InputError for a model that was trained to fill gaps: it sees the words behind the one that is asked for,
    and would learn to copy them."""
    if any("MaskedLM" in name for name in config.architectures or ()):
        raise InputError(f"{model} ({config.architectures[0]}) fills gaps in texts, {CAUSAL}")


def stored_in(config) -> str:
    """The method that a model's weights are stored in, such as "gptq" or "bitsandbytes"; '' for plain numbers."""
    found = getattr(config, "quantization_config", None) or getattr(config.get_text_config(), "quantization_config", {})
    found = found if isinstance(found, dict) else (found.to_dict() if found else {})
    return str(found.get("quant_method", "") or ("bitsandbytes" if found.get("load_in_4bit") else ""))


def check_quantized(config, model: str | Path) -> None:
    """Raise InputError for a model whose weights are stored in quantized numbers that cannot be trained on here."""
    if (method := stored_in(config)) not in ("", "bitsandbytes"):
        raise InputError(
            f"{model} is quantized already ({method}): take the model that it was made from; --quantize makes its "
            "4-bit layers while loading"
        )


def check_loaded(missing: Iterable[str], model: str | Path) -> None:
    """Raise InputError for weights that a model's files do not hold: transformers draws them at random and goes on."""
    if names := sorted(missing):
        raise InputError(
            f"{model} holds no {names[0]}{f' and {len(names) - 1} other weights' * (len(names) > 1)}, which would be "
            "random numbers: take the whole causal language model, or download it again"
        )


def check_pickle(file: Path) -> None:
    """Raise InputError for weights in a pickle that is damaged, or holds more than tensors; nothing in it is called."""
    import torch

    try:
        with warnings.catch_warnings(action="ignore"):
            torch.load(file, map_location="meta", weights_only=True, mmap=zipfile.is_zipfile(file))
    except Exception as error:  # of damaged bytes come many kinds
        raise InputError(pickled(file)) from error


def check_quantization() -> None:
    """Raise InputError where this machine cannot make 4-bit layers: no bitsandbytes, or none that works here."""
    import torch

    without = "go without: --no-quantize, or --path full for a merge"
    if find_spec("bitsandbytes") is None:
        raise InputError(f"4-bit layers need bitsandbytes: `pip install bitsandbytes`, or {without}")
    try:
        from bitsandbytes.functional import quantize_4bit

        quantize_4bit(torch.zeros(64, 64, device="cuda" if torch.cuda.is_available() else "cpu"), quant_type="nf4")
    except Exception as error:  # a native library that does not load raises many kinds
        raise InputError(f"bitsandbytes cannot quantize on this machine ({first_line(error)}): {without}") from None


def adapter_names(adapter: str | Path) -> list[str]:
    """The names of an adapter's tensors. Raises InputError for a damaged file."""
    from safetensors import SafetensorError, safe_open

    file = Path(adapter) / WEIGHTS
    try:
        with safe_open(file, "pt") as tensors:
            return list(tensors.keys())
    except (SafetensorError, OSError) as error:
        raise InputError(f"{file} is damaged or cut off ({first_line(error)}): train or download it again") from None


def read_json(file: Path) -> dict:
    """The object in a JSON file of an adapter or model. Raises InputError for anything else."""
    try:
        value = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{file} cannot be read ({first_line(error)}): train or download it again") from None
    if not isinstance(value, dict):
        raise InputError(f"{file} holds no settings: train or download it again")
    return value


def blocks_left_out(attached) -> str:
    """What shows that the adapter of PEFT's model `attached` is of a base with fewer blocks; '' where nothing does.

    PEFT stores "all-linear" of few blocks as whole names: on a base with more of them every tensor finds its place, and
    the blocks above go without. Every linear layer of the lower blocks is adapted then, and none of those above.
    """
    from peft.tuners.tuners_utils import BaseTunerLayer
    from torch import nn
    from transformers.pytorch_utils import Conv1D

    adapted, bare = defaultdict(set), defaultdict(set)  # numbers of blocks by where the blocks stand
    for name, module in attached.get_base_model().named_modules():
        block = re.match(r"(.+?)\.(\d+)\.", name)
        if block and isinstance(module, BaseTunerLayer):
            adapted[block[1]].add(int(block[2]))
        elif block and isinstance(module, nn.Linear | Conv1D) and not re.search(r"\.(base_layer|lora_\w+)(\.|$)", name):
            bare[block[1]].add(int(block[2]))
    chosen = getattr(attached.active_peft_config, "layers_to_transform", None) is not None
    for place in () if chosen else adapted:
        some, others = adapted[place], bare[place]
        if others and min(others) > max(some) and len(some) == max(some) + 1:
            return f"it adapts all linear layers of {len(some)} blocks, and this base has {len(some | others)}"
    return ""
