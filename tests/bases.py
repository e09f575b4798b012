"""Bases as people bring them: a Llama of a few thousand random weights, with the template that is asked for."""

from pathlib import Path

PLAIN = (
    "{% for m in messages %}<{{ m['role'] }}>{{ m['content'] }}{{ eos_token }}{% endfor %}"
    "{% if add_generation_prompt %}<assistant>{% endif %}"
)
# refuses what is not user, assistant, user, assistant
STRICT = (
    "{% for m in messages %}{% if m['role'] != ['user', 'assistant'][loop.index0 % 2] %}"
    "{{ raise_exception('turns must be user and assistant in turn') }}{% endif %}"
    "{% if m['role'] == 'user' %}[Q] {{ m['content'] }} [A]{% else %} {{ m['content'] }}{{ eos_token }}{% endif %}"
    "{% endfor %}"
)
# drops a system turn without a word
DEAF = (
    "{% for m in messages %}{% if m['role'] == 'user' %}Q: {{ m['content'] }}\nA:"
    "{% elif m['role'] == 'assistant' %} {{ m['content'] }}{{ eos_token }}\n{% endif %}{% endfor %}"
)


def make_base(directory: Path, template: str | None = PLAIN, pad: str | None = None, width: int = 32, layers: int = 2):
    """Write a base to `directory` and return it as text: no pad token unless one is given."""
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    letters = Tokenizer(models.BPE(unk_token="<unk>"))
    letters.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    letters.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    special = ["<unk>", "<end>", *([pad] if pad else [])]
    texts = ["Which lamp is broken? The blue lamp.", "Where is order 12? It left on Monday."]
    letters.train_from_iterator(texts, trainers.BpeTrainer(special_tokens=special, initial_alphabet=alphabet))
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=letters, unk_token="<unk>", eos_token="<end>", pad_token=pad, chat_template=template
    )
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(tokenizer), hidden_size=width, intermediate_size=2 * width, num_hidden_layers=layers,
        num_attention_heads=2, num_key_value_heads=1, max_position_embeddings=256, bos_token_id=None, eos_token_id=1,
        pad_token_id=None,
    )  # fmt: skip
    LlamaForCausalLM(config).save_pretrained(directory)
    tokenizer.save_pretrained(directory)
    return str(directory)


def chat(*turns: tuple[str, str]) -> dict:
    """A row of (role, content) turns."""
    return {"messages": [{"role": role, "content": content} for role, content in turns]}


ROWS = [
    chat(("user", f"Which {thing} is {state}?"), ("assistant", f"The {colour} {thing}."))
    for thing in ("lamp", "chair", "shelf")
    for state, colour in (("broken", "blue"), ("late", "red"), ("missing, said the customer on Monday", "green"))
]
WITH_SYSTEM = [chat(("system", "Answer in one line."), *((m["role"], m["content"]) for m in row["messages"]))
               for row in ROWS]  # fmt: skip
