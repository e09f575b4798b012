"""Does this run consist of what I asked for? Each rank answers; a wrong answer ends it before the first step.

torchrun --nproc-per-node 2 run_check.py --processes 2 --rows 8
"""

import argparse

import torch
import torch.distributed as dist
from accelerate import Accelerator
from torch.distributed.tensor import DTensor


def check_run(model, rows_here, processes, rows, sharded=False):
    """What this process sees, in a line. `rows_here` is what it takes in a step.

    RuntimeError if there are not `processes` processes that take `rows` rows a step;
    with `sharded`, also if this one holds more than its part of the weights.
    """
    world = dist.get_world_size() if dist.is_initialized() else 1
    weights = list(model.parameters())
    held = sum(part(p).numel() for p in weights)
    whole = sum(getattr(p, "ds_numel", p.numel()) for p in weights)
    seen = f"{world} process{'es' * (world > 1)}, {world * rows_here} rows a step"
    seen += f", {held / whole:.0%} of the weights here"
    whole_here = sharded and held > 1.1 * whole / processes
    if (world, world * rows_here) != (processes, rows) or whole_here:
        raise RuntimeError(f"not the run that was asked for: {seen}")
    return seen


def part(weight):
    """What this process holds of a weight that FSDP2 (DTensor) or ZeRO-3 (ds_tensor) may have divided."""
    return weight.to_local() if isinstance(weight, DTensor) else getattr(weight, "ds_tensor", weight)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--processes", type=int, required=True)
    parser.add_argument("--rows", type=int, required=True)
    parser.add_argument("--sharded", action="store_true")
    options = parser.parse_args()
    accelerator = Accelerator(cpu=not torch.cuda.is_available())
    model = accelerator.prepare(torch.nn.Linear(64, 64))
    seen = check_run(model, 4, **vars(options))
    print(f"rank {accelerator.process_index}: {seen}\n", end="", flush=True)
    accelerator.end_training()
