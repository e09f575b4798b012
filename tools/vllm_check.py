"""Makes data/runs/vllm.json: vLLM's CPU build against transformers. `make vllm-check`, or
`python -m tools.vllm_check --python PYTHON_OF_ITS_ENVIRONMENT`.

An adapter of a short run on the embedded base is served three ways: merged, beside its base, and both in one batch of
requests. Every answer is held against transformers' own greedy answer; a DoRA adapter must be refused. Where all places
for adapters are taken, this build answers the base's requests with the adapter (vllm-project/vllm#48421): counted, too.
"""

import importlib.metadata
import json
import os
import platform
import shutil
import subprocess
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from helpers import BUILD, DATA, profiles
from helpers.chats import read_chat
from helpers.files import save_json
from helpers.inference import generate
from helpers.merging import merge, save_merged
from helpers.models import base_identity, load_adapter, load_base, load_merged, load_tokenizer
from helpers.quiet import quiet
from helpers.serving import free_port, running
from helpers.training import fine_tune

CARD = DATA / "runs" / "vllm.json"
STEPS, AT_ONCE = 120, 16
# Small reservations: the base has 8 MB, and the default key-value cache would take gigabytes.
ENVIRONMENT = {
    "VLLM_CPU_KVCACHE_SPACE": "1",
    "VLLM_ALLOW_RUNTIME_LORA_UPDATING": "1",
    "VLLM_NO_USAGE_STATS": "1",
    "HF_HUB_OFFLINE": "1",
}
COMMON = ("--host", "127.0.0.1", "--dtype", "float32", "--max-model-len", "1024", "--enforce-eager")


def prepare(folder: Path, profile: profiles.Profile) -> tuple[Path, Path]:
    """(adapter, merged model) in `folder`, made anew: those of an earlier check may be of another base."""
    shutil.rmtree(folder, ignore_errors=True)
    adapter, merged = folder / "adapter", folder / "merged"
    fine_tune(profile, read_chat(DATA / "tickets" / "clean.jsonl"), adapter)
    save_merged(merge(adapter, profile, "full"), load_tokenizer(profile.model), merged)
    return adapter, merged


def as_dora(adapter: Path, out: Path) -> Path:
    """The adapter's directory again, its config saying DoRA: what a server reads first."""
    shutil.copytree(adapter, out)
    config = json.loads((adapter / "adapter_config.json").read_text(encoding="utf-8"))
    save_json(out / "adapter_config.json", {**config, "use_dora": True})
    return out


def ask(url: str, requests: Sequence[tuple[str, list[dict]]]) -> list[str]:
    """The answers to (model, messages), AT_ONCE of them on their way at a time."""
    from openai import OpenAI

    client = OpenAI(base_url=f"{url}/v1", api_key="none")

    def one(request: tuple[str, list[dict]]) -> str:
        model, messages = request
        said = client.chat.completions.create(model=model, messages=messages, temperature=0, max_tokens=120)
        return (said.choices[0].message.content or "").rstrip("\ufffd")

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(one, requests))


def refusal(url: str, name: str, directory: Path) -> str:
    """What the server says to an adapter that it is asked to load; empty if it takes it."""
    from openai import APIStatusError, OpenAI

    body = {"lora_name": name, "lora_path": str(directory)}
    try:
        OpenAI(base_url=f"{url}/v1", api_key="none").post("/load_lora_adapter", body=body, cast_to=str)
    except APIStatusError as error:
        body = error.response.json()
        return str(body.get("error", body).get("message", body))
    return ""


def equal(answers: Sequence[str], wanted: Sequence[str]) -> int:
    return sum(one == other for one, other in zip(answers, wanted, strict=True))


def check(python: str, folder: Path, tickets: int) -> dict:
    """Serve, ask and compare; returns the card."""
    os.environ.update(ENVIRONMENT)
    quiet(progress_bars=False)
    profile = replace(profiles.shortened(profiles.select("tiny", []), STEPS), quantize=False)
    adapter, merged = prepare(folder, profile)
    prompts = [row["messages"][:-1] for row in read_chat(DATA / "tickets" / "test.jsonl")[:tickets]]
    tokenizer = load_tokenizer(profile.model)
    models = {"base": load_base(profile).eval(), "adapter": load_adapter(adapter, profile),
              "merged": load_merged(merged, profile)}  # fmt: skip
    wanted = {
        # where an answer is cut inside a character, servers leave the half out
        name: [text.rstrip("\ufffd") for text in generate(model, tokenizer, prompts)]
        for name, model in models.items()
    }
    server = [python, "-m", "vllm.entrypoints.openai.api_server", *COMMON]
    lora = ["--enable-lora", "--max-lora-rank", "16", "--lora-modules", f"adapter={adapter}"]
    full = [*server, "--model", profile.model, "--served-model-name", "base", *lora]
    commands = [full, [*full, "--max-loras", "2"], [*server, "--model", str(merged), "--served-model-name", "merged"]]
    start = time.perf_counter()
    with ExitStack() as servers, ThreadPoolExecutor(2) as pool:

        def launch(command: list[str]) -> str:
            port = free_port()
            return servers.enter_context(running([*command, "--port", str(port)], port, seconds=1800))

        full, base, alone = pool.map(launch, commands)
        seconds = round(time.perf_counter() - start)
        mixed = [(("base", "adapter")[i % 2], prompt) for i, prompt in enumerate(prompts)]
        meant = [wanted[name][i] for i, (name, _) in enumerate(mixed)]
        found = {
            "merged": equal(ask(alone, [("merged", prompt) for prompt in prompts]), wanted["merged"]),
            "base": equal(ask(base, [("base", prompt) for prompt in prompts]), wanted["base"]),
            "adapter": equal(ask(base, [("adapter", prompt) for prompt in prompts]), wanted["adapter"]),
            "base and adapter in one batch": equal(ask(base, mixed), meant),
        }
        without_place = ask(full, mixed)
        dora = refusal(base, "dora", as_dora(adapter, folder / "dora"))

    vllm = subprocess.run(
        [python, "-c", "from importlib.metadata import version; print(version('vllm-cpu'), version('transformers'))"],
        capture_output=True, text=True, check=True,
    ).stdout.split()  # fmt: skip
    return {
        "made_by": "make vllm-check",
        "made_from": {"base": base_identity(profile.model)},
        "machine": platform.machine(),
        "tickets": tickets,
        "steps": STEPS,
        "equal_answers": found,
        "base_and_adapter_differ": tickets - equal(wanted["base"], wanted["adapter"]),
        "one_batch_without_a_free_place": {
            "equal": equal(without_place, meant),
            "asked_the_base_got_the_adapter": equal(without_place[::2], wanted["adapter"][::2]),
        },
        "dora_says": dora.replace(str(folder), "build"),
        "seconds_to_start_all": seconds,
        "versions": {"vllm-cpu": vllm[0], "its transformers": vllm[1],
                     **{name: importlib.metadata.version(name) for name in ("transformers", "peft", "torch")}},
    }  # fmt: skip


def main(
    python: Annotated[str, typer.Option(help="the Python that has vllm-cpu")],
    tickets: Annotated[int, typer.Option(min=2, help="held-out tickets to ask")] = 100,
    out: Annotated[Path, typer.Option(help="where the card goes")] = CARD,
) -> None:
    """Write the card; exit 1 where an answer differs or a DoRA adapter is taken."""
    card = check(python, BUILD / "vllm_check", tickets)
    save_json(out, card)
    print(json.dumps(card, indent=1))
    raise SystemExit(0 if set(card["equal_answers"].values()) == {tickets} and card["dora_says"] else 1)


if __name__ == "__main__":
    typer.run(main)
