"""From what people type after --model to an architecture: a shipped name, a hub id, a directory or a config.json.

What is shipped is found first and without a network. Nothing heavy is imported until a name is found.
"""

from __future__ import annotations

import difflib
import json
import logging
import re
import threading
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from helpers import DATA
from helpers.errors import InputError
from helpers.model_checks import OWN_CODE, asks_for_own_code

if TYPE_CHECKING:
    from transformers import PretrainedConfig

CONFIGS = DATA / "configs"
# What may stand around a hub id: the address of the hub or of a mirror, a page of it, a revision.
SITE = re.compile(
    r"(?:https?://)?(?:www\.)?(?:huggingface\.co|hf\.co|hf-mirror\.com|modelscope\.(?:cn|ai))/(?:models/)?"
)
PAGE = re.compile(r"/(?:tree|blob|resolve|raw|summary|files)(?:/.*)?$|@[\w.-]+$")
# What mirrors add to a name when they store the same model in other numbers, and what tells a base from a chat model.
STORED = re.compile(
    r"[-._:](?:gguf|unsloth|dynamic|bnb|mlx|exl[23]|hqq|aqlm|gptq|awq|autoround|qat|quantized|unquantized|imatrix|i1|nf4"
    r"|\d-?bits?|[bf]f?p?(?:16|32)|(?:nv|mx)?fp[48]|int[48]|w\d+a\d+|i?q\d(?:_[a-z0-9]+)*|\d+-of-\d+)$"
)
VARIANTS = ("-instruct", "-chat", "-base", "-it", "-pt", "-hf")
ANSWER_SECONDS = 2.0
SIZES = ("size", "layer", "head", "expert", "position", "dim")
LARGEST = 10**9  # of any size in a config: none that exists comes near it
MOST = {"layer": 1000, "expert": 4096}  # of things that are made one by one
ROUTED = ("llama4", "llama4_text", "phimoe")  # model types with a router that is a linear layer and gives two things
# Text parts of vision models that have no class of their own for causal language modelling: the one of the same layers.
TEXT_ALONE = {"qwen2_vl_text": "qwen2", "qwen2_5_vl_text": "qwen2", "qwen3_vl_text": "qwen3"}


@cache
def names() -> dict[str, Any]:
    """data/configs/names.toml: the hub ids of each shipped architecture, and whose copies are the same."""
    return tomllib.loads((CONFIGS / "names.toml").read_text(encoding="utf-8"))


@cache
def known() -> dict[str, str]:
    """Each lower-case name without its owner, and each file's own name -> the name of the shipped architecture."""
    found = {path.stem: path.stem for path in CONFIGS.glob("*.json")}
    for name, ids in names()["names"].items():
        found |= {one.rpartition("/")[2].lower(): name for one in ids}
    return found


@cache
def _spelled() -> dict[tuple[str, ...], str]:
    """The words and numbers of each known name -> the name of the shipped architecture."""
    return {_words(name): file for name, file in known().items()}


def _words(name: str) -> tuple[str, ...]:
    return tuple(re.findall(r"[a-z]+|\d+(?:\.\d+)*", name))


def hub_id(model: str) -> str:
    """`model` without the address, the page and the revision that may stand around a hub id."""
    return PAGE.sub("", SITE.sub("", model.strip(), count=1).strip("/"))


def shipped(model: str) -> str | None:
    """The shipped architecture that `model` names; None if none is it, or more than one could be.

    Case does not matter, nor what is written around a hub id in an address, nor how a mirror stores the weights or
    names the file. An owner, if given, must be the model's own or a known mirror's. Without one, -instruct, -chat,
    -base and -it may be left out or put in where all variants have the same shapes. Nor does it matter what stands
    between words and numbers: llama3.1:8b, Llama 3.1 8B.
    """
    owner, _, stem = hub_id(model).lower().rpartition("/")
    ids = [one.lower() for names_ in names()["names"].values() for one in names_]
    owners = {one.partition("/")[0] for one in ids} | {one.lower() for one in names()["mirrors"]}
    if owner and owner not in owners:
        return None
    plain = _as_made(stem)
    if f"{owner}/{plain}" in (one.lower() for one in names()["rebuilt"]):
        return None
    if plain in known():
        return known()[plain]
    if owner:
        return None
    if _words(plain) in _spelled():
        return _spelled()[_words(plain)]
    bare = _without(plain, VARIANTS)
    could_be = {known()[name] for name in known() if name == bare or name.startswith(plain + "-")}
    return could_be.pop() if bare in known() and len(could_be) == 1 else None


def _as_made(name: str) -> str:
    """A name without what says how the weights are stored."""
    while STORED.search(name):
        name = STORED.sub("", name)
    return name


def _without(name: str, endings: tuple[str, ...]) -> str:
    while name.endswith(endings):
        name = name.rpartition("-")[0]
    return name


def nearest(model: str) -> str:
    """A few shipped names that look like `model`, for a message."""
    stem = model.rstrip("/").rpartition("/")[2].lower()
    close = difflib.get_close_matches(stem, known(), n=8, cutoff=0.5)
    found = list(dict.fromkeys(known()[name] for name in close))[:3]
    return f"nearest shipped: {', '.join(found)}" if found else "shipped names are in data/configs/README.md"


def config_file(model: str) -> Path:
    """The config.json of `model`: a directory or file that is there, a shipped architecture, the hub's cache, the hub.

    Raises InputError in one line if there is none; a hub that does not answer is asked once, for two seconds.
    """
    from helpers.models import check_model

    path = Path(model)
    if model.endswith(".json"):
        if not path.is_file():
            raise InputError(f"there is no file {model}; {nearest(path.stem)}")
        return path
    if path.is_dir():
        check_model(model)
        return path / "config.json"
    name = shipped(model)
    if name:
        return CONFIGS / f"{name}.json"
    check_model(hub_id(model))
    return _from_hub(hub_id(model))


def _from_hub(model: str) -> Path:
    import httpx
    from huggingface_hub import hf_hub_download, try_to_load_from_cache
    from huggingface_hub.errors import HfHubHTTPError

    try:
        cached = try_to_load_from_cache(model, "config.json")
        if isinstance(cached, str):
            return Path(cached)
        if _hub_answers():
            return Path(hf_hub_download(model, "config.json", etag_timeout=5))
    except (OSError, ValueError, HfHubHTTPError, httpx.HTTPError) as error:
        raise InputError(f"no config of {model}: {first_line(error)}; {nearest(model)}") from None
    raise InputError(f"{model} is not shipped, and the hub does not answer; {nearest(model)}")


def _hub_answers() -> bool:
    """Whether the hub can be reached at all; without a network its client would try again for half a minute."""
    import httpx
    from huggingface_hub import constants

    if constants.HF_HUB_OFFLINE:
        return False
    answers: list[int] = []

    def ask() -> None:
        try:
            answers.append(httpx.head(constants.ENDPOINT, timeout=ANSWER_SECONDS).status_code)
        except (httpx.HTTPError, OSError):
            return

    asking = threading.Thread(target=ask, daemon=True)  # looking up a host's address cannot be given a time limit
    asking.start()
    asking.join(ANSWER_SECONDS + 0.5)
    return bool(answers) and answers[0] < 500


def load_config(model: str) -> PretrainedConfig:
    """The architecture that `model` names, its text part where it has others, too; no weights are read.

    Raises InputError for a name that is nowhere, and for a config that describes no language model.
    """
    from transformers import AutoConfig

    path = config_file(model)
    read(path)
    with described_by(model):
        config = AutoConfig.from_pretrained(path, trust_remote_code=False)
        text = config.get_text_config(decoder=True)
        if text.model_type in TEXT_ALONE:
            text = AutoConfig.for_model(TEXT_ALONE[text.model_type], **_fields(text))
    text.name_or_path = model  # a part has no name of its own, and messages give it
    return text


def remarks(model: str) -> list[str]:
    """What a reader of an estimate should know of where its architecture is from, a sentence each."""
    path, found = config_file(model), []
    if read(path)["model_type"] in ROUTED:
        found.append(
            "all-linear here leaves out the experts' routers, at which PEFT's all-linear fails: name the modules"
        )
    if path.parent == CONFIGS and path.stem != model:
        found.append(f"architecture: {path.stem}, as data/configs has it")
    if any(
        isinstance(value, dict) for key, value in read(path).items() if key.endswith("_config") and "quant" not in key
    ):
        beside = _beside_text(path)
        if beside:
            found.append(
                f"text part only: {beside:,} parameters beside it (a vision tower) are not counted, "
                f"{2 * beside / 1e9:.2f} GB in 16 bits"
            )
    return found


def _beside_text(path: Path) -> int:
    """Parameters of a model with a text part inside that do not belong to it; 0 if there are none."""
    import torch
    from transformers import AutoConfig, AutoModelForImageTextToText

    with described_by(str(path)), torch.device("meta"):
        config = AutoConfig.from_pretrained(path, trust_remote_code=False)
        if type(config) not in AutoModelForImageTextToText._model_mapping:
            return 0
        whole = AutoModelForImageTextToText.from_config(config)
        text = {
            id(p) for part in (whole.get_decoder(), whole.get_output_embeddings()) if part for p in part.parameters()
        }
    return sum(p.numel() for p in whole.parameters() if id(p) not in text)


def _fields(config: PretrainedConfig) -> dict[str, Any]:
    return {key: value for key, value in config.to_dict().items() if key != "model_type"}


def read(path: Path) -> dict[str, Any]:
    """The fields of a config.json. Raises InputError where it is no JSON object or a size is out of proportion."""
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except json.JSONDecodeError as error:
        raise InputError(f"{path}:{error.lineno}: no JSON: {error.msg}; take the file whole from the model") from None
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"{path} cannot be read: {first_line(error)}") from None
    if not isinstance(config, dict):
        raise InputError(f"{path}: a config is an object with fields such as model_type and hidden_size")
    if not isinstance(config.get("model_type"), str):
        raise InputError(f"{path}: no model_type, such as qwen2 or llama: is it a model's config.json?")
    for part in (config, *(value for value in config.values() if isinstance(value, dict))):
        for name, value in part.items():
            most = next((most for kind, most in MOST.items() if kind in name and name.startswith("n")), LARGEST)
            if isinstance(value, int) and any(word in name for word in SIZES) and abs(value) > most:
                raise InputError(f"{path}: {name} is {value}: no model has so many")
    return config


@contextmanager
def described_by(model: str) -> Iterator[None]:
    """What libraries raise at a config whose fields do not go together, as one InputError: it can be anything.

    What transformers logs on the way there is left out: the one line says it.
    """
    logger = logging.getLogger("transformers")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    except InputError:
        raise
    except Exception as error:
        if asks_for_own_code(error):
            raise InputError(f"{model} {OWN_CODE}") from error
        if "does not recognize this architecture" in str(error):
            raise InputError(f"{model} {_unknown_to_transformers(error)}") from error
        reason = f"{type(error).__name__}: {first_line(error)}"
        raise InputError(
            f"the config of {model} describes no model that transformers can build and run: {reason}"
        ) from error
    finally:
        logger.setLevel(level)


def _unknown_to_transformers(error: Exception) -> str:
    """What is wrong where the installed transformers has no class for a config's model_type, which may be newer."""
    from transformers import __version__

    kind = re.search(r"model type `([^`]*)`", str(error))
    return (
        f"has the model_type {kind[1] if kind else 'of its config'}, which transformers {__version__} does not know: "
        "if the model is newer than that, it needs a later transformers; if not, the name is wrong"
    )


def first_line(error: BaseException) -> str:
    """The first line of an error that says more than where it was, cut to what a terminal shows."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    text = " ".join(lines[:2]) if lines and lines[0].endswith(":") else (lines or [type(error).__name__])[0]
    return text if len(text) <= 120 else text[:117] + "..."
