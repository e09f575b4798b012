"""Training steps in a process that limits its own memory: `python -m helpers.memory.limited_step MODEL BYTES ROWS...`

Linux only, elsewhere InputError. The last batch may be the one that the allocator refuses.
"""

import sys

import torch
from transformers import AutoModelForCausalLM

from helpers.machine import limit_memory


def main(path: str, limit: int, batches: list[int]) -> None:
    """One step for each number of rows of 256 tokens, with at most `limit` bytes more than after a step of one row."""
    model = AutoModelForCausalLM.from_pretrained(path, dtype=torch.float32)

    def step(rows: int) -> None:
        ids = torch.randint(model.config.vocab_size, (rows, 256))
        model(input_ids=ids, labels=ids, use_cache=False).loss.backward()

    step(1)
    limit_memory(limit)
    for rows in batches:
        step(rows)
        print("a batch of", rows, "fits", flush=True)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), [int(rows) for rows in sys.argv[3:]])
