"""Train the embedded base model and its tokenizer from scratch: `make base`, or `python -m tools.build_base`.

The data is made while it trains: conversations about what stands in generated tickets and about what they mean (loss on
the answers only), and copying and lookup of random strings, which teaches the copy circuit. No JSON answer is ever
shown. Seeded by step and row; stopped and started again, it goes on from build/base/checkpoint.pt. A GPU is used if
there is one. Without one, `--processes` share each step's rows, one thread each, and sum their gradients.
"""

import argparse
import json
import os
import random
import time
from collections.abc import Sequence
from pathlib import Path

import torch
import torch.distributed as dist
from transformers import AutoTokenizer, GenerationConfig, Qwen2Config, Qwen2ForCausalLM

from helpers import BUILD, DATA
from tools.base_tokenizer import SPECIAL, VOCABULARY, train_tokenizer
from tools.tickets.policy import NAMES as HOUSES
from tools.tickets.questions import conversation, held_out_questions
from tools.tickets.skills import drill, held_out_skills, skilled_conversation

ROWS, MICRO_ROWS = 64, 4  # small micro-batches stay in the cache: 4 take 0.6 of the time of 16 on two cores
COPYING_STEPS, KNOWN_WORDS_STEPS = 280, 400  # half of the rows are copying; then no words are made up yet
WIDTHS = 32  # rows are padded to multiples of this: oneDNN keeps what it prepares for each shape
MADE_UP = 0.5
KINDS_OF_TALK = ((conversation, 12), (skilled_conversation, 40), (drill, 48))  # copied values, skills, drill
PEAK_LEARNING_RATE, WARMUP, DECAY = 3e-3, 60, 0.5
EXIT, EXIT_WEIGHT = 4, 0.5  # after this layer, answers that follow from the ticket alone must be there, too


def new_model(tokenizer) -> Qwen2ForCausalLM:
    """A Qwen2 with random weights; every layer width is a multiple of 64."""
    torch.manual_seed(0)
    return Qwen2ForCausalLM(
        Qwen2Config(
            vocab_size=VOCABULARY,
            hidden_size=256,
            intermediate_size=640,
            num_hidden_layers=5,
            num_attention_heads=8,
            num_key_value_heads=2,
            max_position_embeddings=2048,
            tie_word_embeddings=True,
            use_sliding_window=False,
            rms_norm_eps=1e-6,
            initializer_range=0.03,
            bos_token_id=None,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
        )
    )


def grown(start: Path, tokenizer) -> Qwen2ForCausalLM:
    """The weights in a folder, and on top of them the layers that they lack, which change nothing at first."""
    small, model = Qwen2ForCausalLM.from_pretrained(start), new_model(tokenizer)
    model.load_state_dict(small.state_dict(), strict=False)
    for layer in model.model.layers[small.config.num_hidden_layers :]:
        torch.nn.init.zeros_(layer.self_attn.o_proj.weight)
        torch.nn.init.zeros_(layer.mlp.down_proj.weight)
    return model


def random_text(rng: random.Random, tokenizer) -> list[int]:
    """Token ids of one random string: tokens of any kind, letters and digits, Chinese characters, or pseudo-words."""
    kind, length = rng.random(), rng.randint(1, 9)
    if kind < 0.55:
        return [rng.randrange(len(SPECIAL), VOCABULARY) for _ in range(length)]
    if kind < 0.75:
        return tokenizer("".join(rng.choice("ABCDEFGHJKLMNPQRSTUVWXYZ0123456789-#/.") for _ in range(length)))[
            "input_ids"
        ]
    if kind < 0.85:
        return tokenizer("".join(chr(rng.randint(0x4E00, 0x9FA5)) for _ in range(min(length, 4))))["input_ids"]
    words = (
        "".join(rng.choice("bcdfghklmnprstvw") + rng.choice("aeiou") for _ in range(rng.randint(1, 3)))
        for _ in range(rng.randint(1, 4))
    )
    return tokenizer(" ".join(word.capitalize() if rng.random() < 0.5 else word for word in words))["input_ids"]


class Examples:
    """Token ids and loss masks of one training step, drawn from a seed; `warm` for weights that can copy already."""

    def __init__(self, tokenizer, warm: bool = False):
        self.tokenizer, self.encode = tokenizer, tokenizer.backend_tokenizer.encode  # which takes a third of the time
        self.copying_steps, self.known_words_steps = (0, 0) if warm else (COPYING_STEPS, KNOWN_WORDS_STEPS)
        ids = {
            word: tokenizer(word)["input_ids"]
            for word in ("system\n", "user\n", "assistant\n", "\n", "\n\n", ": ", "Repeat: ", "Find: ", "重复：")
        }
        self.ids, (self.start, self.end) = ids, tokenizer.convert_tokens_to_ids(SPECIAL[1:])

    def turn(self, role: str, content: list[int], early: bool) -> tuple[list[int], list[int]]:
        head, body = [self.start, *self.ids[role + "\n"]], [*content, self.end]
        mask = [0] * len(head) + [(1 if early else 2) if role == "assistant" else 0] * len(body) + [0]
        return [*head, *body, *self.ids["\n"]], mask

    def chat(self, turns: list[tuple[str, list[int]]], late: Sequence[bool] = ()) -> tuple[list[int], list[int]]:
        """Ids and mask of a conversation: 1 for answers that have to be there after EXIT layers, 2 for the `late`."""
        early = [not turn for turn in late] or [True] * len(turns)
        parts = [self.turn(role, content, soon) for (role, content), soon in zip(turns, early, strict=True)]
        return [i for ids, _ in parts for i in ids], [m for _, mask in parts for m in mask]

    def copying(self, rng: random.Random) -> tuple[list[int], list[int]]:
        texts = [random_text(rng, self.tokenizer) for _ in range(rng.randint(3, 9))]
        joint = [i for text in texts for i in (*text, *self.ids["\n"])][:-1]
        if rng.random() < 0.4:
            return self.chat([("user", [*self.ids[rng.choice(("Repeat: ", "重复："))], *joint]), ("assistant", joint)])
        keys = [random_text(rng, self.tokenizer)[:3] for _ in texts]
        listed = [i for key, text in zip(keys, texts) for i in (*key, *self.ids[": "], *text, *self.ids["\n"])]
        turns = []
        for n, i in enumerate(rng.sample(range(len(texts)), min(4, len(texts)))):
            asked = [*self.ids["Find: "], *keys[i]]
            turns += [("user", [*listed, *self.ids["\n"], *asked] if n == 0 else asked), ("assistant", texts[i])]
        return self.chat(turns)

    def talk(self, rng: random.Random, made_up: float) -> tuple[list[int], list[int]]:
        makers, shares = zip(*KINDS_OF_TALK)
        messages = rng.choices(makers, shares)[0](rng, made_up)
        named = [m["role"] != "assistant" and any(house in m["content"] for house in HOUSES) for m in messages]
        all_late = messages[0]["role"] == "system" and named[0]
        late = [all_late or before for before in (False, *named[:-1])]  # what a firm makes of a ticket
        return self.chat([(m["role"], self.encode(m["content"]).ids) for m in messages], late)

    def row(self, step: int, number: int) -> tuple[list[int], list[int]]:
        """One row of a step: copying or talk."""
        rng = random.Random(f"base {step} {number}")
        copies = 0.5 if step < self.copying_steps else 0.08
        made_up = 0.0 if step < self.known_words_steps else MADE_UP
        return self.copying(rng) if rng.random() < copies else self.talk(rng, made_up)

    def batches(self, step: int, rank: int = 0, world: int = 1) -> list[tuple[torch.Tensor, torch.Tensor]]:
        """One process's micro-batches of a step, of like length: ids (rows, length), padded on the right, and their
        answer mask."""
        rows = sorted((self.row(step, number) for number in range(rank, ROWS, world)), key=lambda row: len(row[0]))
        return [self.padded(rows[i : i + MICRO_ROWS]) for i in range(0, len(rows), MICRO_ROWS)]

    def padded(self, examples: list[tuple[list[int], list[int]]]) -> tuple[torch.Tensor, torch.Tensor]:
        width = -(-max(len(ids) for ids, _ in examples) // WIDTHS) * WIDTHS
        ids = torch.tensor([ids + [0] * (width - len(ids)) for ids, _ in examples])
        return ids, torch.tensor(
            [mask + [0] * (width - len(mask)) for _, mask in examples],
        )


def hidden_states(model, ids: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Normed hidden states after EXIT layers and after all, each (rows, length, width); padded on the right."""
    body, length = model.model, ids.shape[1]
    hidden, places = body.embed_tokens(ids), torch.arange(length, device=ids.device)[None]
    turned = body.rotary_emb(hidden, places)
    seen = torch.full((length, length), torch.finfo(hidden.dtype).min, dtype=hidden.dtype, device=ids.device).triu(1)
    early = hidden
    for number, layer in enumerate(body.layers, 1):
        hidden = layer(hidden, attention_mask=seen[None, None], position_ids=places, position_embeddings=turned)
        early = hidden if number == EXIT else early
    return body.norm(early), body.norm(hidden)


def answer_logits(model, ids: torch.Tensor, mask: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Logits (answers, vocabulary) for the answer tokens alone, and those tokens (answers,)."""
    answers = mask[:, 1:] > 0
    hidden = model.model(input_ids=ids).last_hidden_state
    return model.lm_head(hidden[:, :-1][answers]), ids[:, 1:][answers]


STATES = torch.compile(hidden_states, dynamic=True)


def answer_loss(model, ids: torch.Tensor, mask: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, int]:
    """Sums over the answer tokens: cross-entropy after all layers, the same after EXIT layers where the mask is 1 (as
    LayerSkip's early exit, arXiv:2404.16710); and how many answer tokens there are.

    Without the second, features of meaning arise in the last layer, where nothing can be made of them any more.
    """
    states, target, soon = STATES(model, ids), ids[:, 1:], mask[:, 1:] == 1
    losses = [
        torch.nn.functional.cross_entropy(model.lm_head(hidden[:, :-1][some]).float(), target[some], reduction="sum")
        for hidden, some in zip(states, (soon, mask[:, 1:] > 0))
    ]
    return losses[1], losses[0], int((mask[:, 1:] > 0).sum())


@torch.no_grad()
def right_answers(model, examples: Examples, questions: list[dict]) -> list[bool]:
    """For each question, whether its whole answer, end of turn included, is the most likely token by token."""
    rows = []
    for row in questions:
        turns = [("user", row["messages"][0]["content"]), ("assistant", row["answer"])]
        rows.append(examples.chat([(role, examples.tokenizer(text)["input_ids"]) for role, text in turns]))
    order, right = sorted(range(len(rows)), key=lambda i: len(rows[i][0])), [False] * len(rows)
    for start in range(0, len(rows), 8):
        some = order[start : start + 8]
        ids, mask = (part.to(model.device) for part in examples.padded([rows[i] for i in some]))
        logits, target = answer_logits(model, ids, mask)
        hits = (logits.argmax(-1) == target).split((mask[:, 1:] > 0).sum(1).tolist())
        for i, hit in zip(some, hits):
            right[i] = bool(hit.all())
    return right


def exact_match(model, examples: Examples, questions: list[dict]) -> float:
    """Share of questions answered exactly."""
    return sum(right_answers(model, examples, questions)) / len(questions)


def skill_scores(model, examples: Examples, questions: list[dict]) -> dict[str, float]:
    """Share of right answers by skill."""
    hits: dict[str, list[bool]] = {}
    for row, right in zip(questions, right_answers(model, examples, questions)):
        hits.setdefault(row["skill"], []).append(right)
    return {skill: sum(some) / len(some) for skill, some in hits.items()}


def training_dtype(device: str) -> torch.dtype:
    """bfloat16 where the hardware multiplies it, else float32, which is three times as fast there."""
    capabilities = torch.cpu.get_capabilities()
    hardware = device == "cuda" or capabilities.get("amx_bf16") or capabilities.get("avx512_bf16")
    return torch.bfloat16 if hardware else torch.float32


def masters(model) -> list[tuple[str, torch.nn.Parameter]]:
    """float32 copies of the weights: in bfloat16, small updates would be lost to rounding."""
    return [(name, torch.nn.Parameter(p.detach().float())) for name, p in model.named_parameters()]


def optimizers(named: list[tuple[str, torch.nn.Parameter]]) -> list[torch.optim.Optimizer]:
    """Muon for the matrices inside the layers, AdamW for embeddings, biases and norms."""
    matrices = [p for name, p in named if p.ndim == 2 and "embed" not in name]
    others = [p for name, p in named if p.ndim != 2 or "embed" in name]
    return [
        torch.optim.Muon(matrices, lr=1.0, weight_decay=0.01, momentum=0.95, adjust_lr_fn="match_rms_adamw"),
        torch.optim.AdamW(others, lr=1.0, betas=(0.9, 0.98), weight_decay=0.0),
    ]


def learning_rate(step: int, steps: int, peak: float) -> float:
    """Warm-up, flat, then linear decay to zero over the last DECAY of all steps."""
    return peak * min(1.0, (step + 1) / WARMUP, (steps - step) / (DECAY * steps))


def gradients(model, batches: list[tuple[torch.Tensor, torch.Tensor]]) -> tuple[list[torch.Tensor], float]:
    """Gradients by parameter and loss, means over the answer tokens of all processes' batches."""
    total, answers = 0.0, 0
    for ids, mask in batches:
        loss, early, count = answer_loss(model, ids.to(model.device), mask.to(model.device))
        ((loss + EXIT_WEIGHT * early) / 1000).backward()
        total, answers = total + loss.item(), answers + count
    parameters = list(model.parameters())
    flat = torch.cat([p.grad.float().flatten() for p in parameters] + [torch.tensor([total, answers]).to(model.device)])
    if dist.is_initialized():
        dist.all_reduce(flat)
    (*sizes, total, answers) = [p.numel() for p in parameters] + flat[-2:].tolist()
    for p in parameters:
        p.grad = None
    parts = (flat[:-2] * (1000 / answers)).split(sizes)
    return [part.view_as(p) for part, p in zip(parts, parameters)], total / answers


def train(
    steps: int, work: Path, tokenizer, peak: float = PEAK_LEARNING_RATE, start_from: Path | None = None
) -> Qwen2ForCausalLM:
    """Train for `steps` steps, writing a checkpoint every 100; returns the model.

    Inside a process group, each process takes its share of the rows, and the first one writes.
    """
    rank, world = (dist.get_rank(), dist.get_world_size()) if dist.is_initialized() else (0, 1)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    model = new_model(tokenizer) if start_from is None else grown(start_from, tokenizer)
    model, examples = model.float().to(device), Examples(tokenizer, warm=start_from is not None)
    named = masters(model)
    model.to(training_dtype(device))
    model.set_attn_implementation("eager")  # written out and compiled, a step takes 0.7 of the time on a CPU
    parts, start, seconds = optimizers(named), 0, 0.0
    questions, skills = held_out_questions(100), held_out_skills(40)
    checkpoint = work / "checkpoint.pt"
    if checkpoint.exists():
        state = torch.load(checkpoint, map_location=device, weights_only=True)
        for (_, master), saved in zip(named, state["masters"]):
            master.data.copy_(saved)
        for part, saved in zip(parts, state["optimizers"]):
            part.load_state_dict(saved)
        start, seconds = state["step"], state["seconds"]
        say(rank, f"going on from step {start}")
    began = time.perf_counter() - seconds
    for step in range(start, steps):
        for (_, master), weight in zip(named, model.parameters()):
            weight.data.copy_(master.data)
        grads, loss = gradients(model, examples.batches(step, rank, world))
        for (_, master), grad in zip(named, grads):
            master.grad = grad
        torch.nn.utils.clip_grad_norm_([master for _, master in named], 1.0)
        for part in parts:
            for group in part.param_groups:
                group["lr"] = learning_rate(step, steps, peak)
            part.step()
        if (step + 1) % 20 == 0:
            say(rank, f"step {step + 1}/{steps} loss {loss:.3f} {time.perf_counter() - began:.0f} s")
        if rank == 0 and ((step + 1) % 100 == 0 or step + 1 == steps):
            state = {
                "masters": [master.data for _, master in named],
                "optimizers": [part.state_dict() for part in parts],
                "step": step + 1,
                "seconds": time.perf_counter() - began,
            }
            torch.save(state, checkpoint.with_suffix(".tmp"))
            os.replace(checkpoint.with_suffix(".tmp"), checkpoint)
        if rank == 0 and (step + 1) % 200 == 0:
            scores = {"copying": exact_match(model, examples, questions), **skill_scores(model, examples, skills)}
            say(rank, "   held out: " + ", ".join(f"{name} {score:.0%}" for name, score in scores.items()))
    for (_, master), weight in zip(named, model.parameters()):
        weight.data.copy_(master.data)
    return model.to(torch.bfloat16)


def say(rank: int, text: str) -> None:
    if rank == 0:
        print(text, flush=True)


def prepare(arguments) -> None:
    """Make the folders and the tokenizer: a checkpoint's weights know the tokens by their numbers."""
    arguments.work.mkdir(parents=True, exist_ok=True)
    arguments.out.mkdir(parents=True, exist_ok=True)
    kept = arguments.work / "tokenizer"
    if not kept.exists():
        tokenizer = AutoTokenizer.from_pretrained(arguments.start) if arguments.start else train_tokenizer()
        new_model(tokenizer).config.save_pretrained(kept)
        tokenizer.save_pretrained(kept)
    AutoTokenizer.from_pretrained(kept).save_pretrained(arguments.out)


def run(rank: int, arguments) -> None:
    """One process of the training; the first writes the model."""
    if arguments.processes > 1:
        torch.set_num_threads(1)
        meeting = f"file://{(arguments.work / 'meeting').resolve()}"
        dist.init_process_group("gloo", init_method=meeting, rank=rank, world_size=arguments.processes)
    # for a qwen2 config, AutoTokenizer splits words as Qwen2 does
    tokenizer = AutoTokenizer.from_pretrained(arguments.work / "tokenizer")
    model = train(arguments.steps, arguments.work, tokenizer, arguments.peak, arguments.start)
    if rank == 0:
        write(model, tokenizer, arguments)
    if dist.is_initialized():
        dist.destroy_process_group()


def write(model, tokenizer, arguments) -> None:
    """Save the model and print its scores."""
    examples = Examples(tokenizer)
    score = exact_match(model, examples, held_out_questions(400))
    skills = skill_scores(model, examples, held_out_skills(200))
    model.generation_config = GenerationConfig(
        do_sample=False, eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.pad_token_id
    )
    model.save_pretrained(arguments.out)
    result = {"parameters": model.num_parameters(), "steps": arguments.steps, "questions_exact_match": score}
    print(json.dumps(result | {"skills": skills}))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=5800)
    parser.add_argument("--work", type=Path, default=BUILD / "base", help="where checkpoints go")
    parser.add_argument("--out", type=Path, default=DATA / "base")
    parser.add_argument("--from", dest="start", type=Path, help="start from the weights and the tokenizer in a folder")
    parser.add_argument("--peak", type=float, default=PEAK_LEARNING_RATE, help="highest learning rate")
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--tokenizer-only", action="store_true")
    arguments = parser.parse_args()
    prepare(arguments)
    if arguments.tokenizer_only:
        return
    if arguments.processes == 1:
        run(0, arguments)
    else:
        (arguments.work / "meeting").unlink(missing_ok=True)
        torch.multiprocessing.spawn(run, (arguments,), nprocs=arguments.processes)


if __name__ == "__main__":
    main()
