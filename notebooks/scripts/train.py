"""Fine-tune an adapter: the same file for one process, two on a laptop, eight GPUs, two machines.

python train.py ROWS.jsonl OUT --model MODEL --accumulation 2
torchrun --nproc-per-node 2 --max-restarts 1 train.py ROWS.jsonl OUT --model MODEL --processes 2
accelerate launch --config_file eight_gpus.yaml train.py ROWS.jsonl OUT --model MODEL --processes 8 --sharded

ROWS.jsonl holds prompts and completions, both as messages. Started again, it goes on from the newest whole checkpoint
in OUT.
"""

import argparse
import os
import sys
from pathlib import Path

import torch
from accelerate import PartialState
from datasets import load_dataset
from peft import LoraConfig
from run_check import check_run
from transformers import AutoModelForCausalLM, AutoTokenizer, TrainerCallback
from trl import SFTConfig, SFTTrainer


class Guard(TrainerCallback):
    """Checks the run before its first step; marks a checkpoint once every rank has written its part."""

    def __init__(self, processes, rows, sharded):
        self.wanted = processes, rows, sharded

    def on_train_begin(self, args, state, control, model, **_):
        rows_here = args.per_device_train_batch_size * args.gradient_accumulation_steps
        seen = check_run(model, rows_here, *self.wanted)
        print(f"rank {args.process_index}: {seen}\n", end="", flush=True)  # in one piece: ranks share the log

    def on_save(self, args, state, control, **_):
        PartialState().wait_for_everyone()
        Path(args.output_dir, f"checkpoint-{state.global_step}", "complete").touch()


def newest(out):
    """The newest checkpoint that is whole, or None."""
    found = [mark.parent for mark in Path(out).glob("checkpoint-*/complete")]
    return max(found, key=lambda path: int(path.name.partition("-")[2]), default=None)


def main(arguments=None):
    parser = argparse.ArgumentParser()
    parser.add_argument("rows")
    parser.add_argument("out")
    parser.add_argument("--model", required=True)
    parser.add_argument("--processes", type=int, default=1, help="how many are meant to train together")
    parser.add_argument("--sharded", action="store_true", help="each is meant to hold a part of the weights")
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--accumulation", type=int, default=1)
    parser.add_argument("--steps", type=int, default=12)
    parser.add_argument("--save-steps", type=int, default=4)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--deepspeed", help="a DeepSpeed configuration")
    options = parser.parse_args(arguments)

    gpu = torch.cuda.is_available()
    args = SFTConfig(
        output_dir=options.out,
        per_device_train_batch_size=options.batch,
        gradient_accumulation_steps=options.accumulation,
        max_steps=options.steps,
        save_steps=options.save_steps,
        learning_rate=1e-3,
        max_length=512,
        seed=options.seed,
        bf16=gpu,
        use_cpu=not gpu,
        deepspeed=options.deepspeed,
        logging_steps=1,
        disable_tqdm=True,
        report_to="none",
    )
    trainer = SFTTrainer(
        model=AutoModelForCausalLM.from_pretrained(options.model, dtype="bfloat16" if gpu else "float32"),
        args=args,
        train_dataset=load_dataset("json", data_files=options.rows, split="train"),
        processing_class=AutoTokenizer.from_pretrained(options.model),
        peft_config=LoraConfig(r=8, lora_alpha=16, target_modules="all-linear"),
        callbacks=[Guard(options.processes, options.processes * options.batch * options.accumulation, options.sharded)],
    )
    start = newest(options.out)
    if start:
        print(f"rank {args.process_index}: goes on from {start.name}\n", end="", flush=True)
    trainer.train(resume_from_checkpoint=start)
    trainer.save_model()
    if trainer.is_world_process_zero() and not Path(options.out, "adapter_model.safetensors").exists():
        raise RuntimeError("trained, and no adapter was saved: fsdp_state_dict_type must be FULL_STATE_DICT")
    trainer.accelerator.end_training()  # ranks part in order: one that just exits may abort on a thread still running
    return trainer


if __name__ == "__main__":
    trainer = main()
    sys.stdout.flush()
    os._exit(0)  # freed here, DDP would hold the GIL and wait for a thread of gloo's that may be waiting for the GIL
