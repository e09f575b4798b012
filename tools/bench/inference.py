"""The same prompts answered by the base, by the base with an adapter, and by the model that both were merged into."""

from helpers import DATA
from helpers.chats import read_chat
from helpers.models import load_base, load_tokenizer
from helpers.timing import interleave, seconds
from helpers.training import lora_config
from tools.bench.card import Claim, Measurement, Options, Result, sides_of

BATCHES = (1, 16)
RATIOS = tuple(f"merged / {other}, batch {batch}" for batch in BATCHES for other in ("adapter", "base"))
CLAIMS = tuple(
    Claim("C44", "merged is as fast as the base", f"merged / base, batch {batch}", 0.9, 1.1) for batch in BATCHES
)


def models(profile) -> dict:
    """The three models in full precision, side by side in memory. The adapter is random: its values cost no time."""
    import torch
    from peft import get_peft_model

    def adapted():
        torch.manual_seed(0)
        return get_peft_model(load_base(profile, quantize=False), lora_config(profile, init_lora_weights=False))

    made = {
        "base": load_base(profile, quantize=False),
        "adapter": adapted(),
        "merged": adapted().merge_and_unload(),
    }
    return {name: model.eval() for name, model in made.items()}


def run(options: Options) -> Result:
    """Generate `options.new_tokens` tokens greedily, no fewer, one prompt at a time and in a batch."""
    import torch

    profile = options.profile
    tokenizer = load_tokenizer(DATA / "base" if profile.random_weights else profile.model, padding_side="left")
    prompts = [row["messages"][:-1] for row in read_chat(DATA / "tickets" / "test.jsonl")[: max(BATCHES)]]
    sides = {}
    for name, model in models(profile).items():
        for batch in BATCHES:
            ids = tokenizer.apply_chat_template(
                prompts[:batch], add_generation_prompt=True, return_dict=True, return_tensors="pt", padding=True
            ).to(model.device)
            length = dict(min_new_tokens=options.new_tokens, max_new_tokens=options.new_tokens)

            def answer(model=model, ids=ids, length=length):
                with torch.inference_mode():
                    model.generate(**ids, **length, do_sample=False, temperature=None, top_p=None, top_k=None)

            sides[f"{name}, batch {batch}"] = lambda answer=answer, batch=batch: (
                batch * options.new_tokens / seconds(answer)
            )
    found = interleave(sides, options.repeats)
    return Result(
        settings={
            "profile": profile.name,
            "dtype": profile.dtype,
            "rank": profile.rank,
            "new_tokens": options.new_tokens,
        },
        measurements={name: Measurement("tokens/s", tuple(values)) for name, values in found.items()},
        ratios={name: sides_of(name) for name in RATIOS},
        headlines=tuple(sides),
        claims=CLAIMS,
    )
