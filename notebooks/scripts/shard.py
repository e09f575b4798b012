"""FSDP2 by torch's own call, on GPUs or CPUs: each rank holds a part of every weight, and the loss stays what it was.

torchrun --nproc-per-node 2 shard.py MODEL
"""

import json
import os
import sys

import torch
import torch.distributed as dist
from peft import LoraConfig, get_peft_model
from run_check import check_run, part
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
from transformers import AutoModelForCausalLM


def main(name):
    kind = "cuda" if torch.cuda.is_available() else "cpu"
    world = int(os.environ["WORLD_SIZE"])
    mesh = init_device_mesh(kind, (world,))
    torch.manual_seed(0)  # the adapter is drawn alike on every rank
    model = AutoModelForCausalLM.from_pretrained(name, dtype="float32").to(kind)
    model = get_peft_model(model, LoraConfig(r=8, target_modules="all-linear"))
    rows = torch.arange(32, device=kind).reshape(1, 32)
    before = model(input_ids=rows, labels=rows).loss.item()

    for block in model.base_model.model.model.layers:
        fully_shard(block, mesh=mesh)
    fully_shard(model, mesh=mesh)
    check_run(model, 1, world, world, sharded=True)

    weights = list(model.parameters())
    trained = [p for p in weights if p.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=1e-3)
    loss = model(input_ids=rows, labels=rows).loss
    loss.backward()
    held = {"weights": [p for p in weights if not p.requires_grad], "adapter": trained}
    held["gradients"] = [p.grad for p in trained]
    optimizer.step()
    held["moments"] = [state[key] for state in optimizer.state.values() for key in ("exp_avg", "exp_avg_sq")]
    counts = {kind: [sum(part(t).numel() for t in some), sum(t.numel() for t in some)] for kind, some in held.items()}
    report = json.dumps({"rank": dist.get_rank(), "losses": [before, loss.item()], **counts})
    print(report + "\n", end="", flush=True)
    dist.destroy_process_group()


if __name__ == "__main__":
    main(sys.argv[1])
