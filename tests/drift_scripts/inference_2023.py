"""Loading, merging and chatting, as one wrote it in 2023: most of it still runs, some of it does something else."""

import peft
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

BASE = "some-lab/chat-7b"

# The adapter knows its base; 8 bits were asked for right here.
model = peft.AutoPeftModelForCausalLM.from_pretrained("out", torch_dtype=torch.float16, load_in_8bit=True)
base = AutoModelForCausalLM.from_pretrained(
    BASE,
    use_auth_token="...",
    resume_download=True,
    offload_state_dict=True,
    low_cpu_mem_usage=True,
)
tokenizer = AutoTokenizer.from_pretrained(BASE, use_auth_token="...", padding_side="left")

merged = peft.PeftModel.from_pretrained(base, "out").merge_and_unload()
base.save_pretrained("merged", safe_serialization=False)

messages = [{"role": "user", "content": "Where is my order?"}]
prompt = tokenizer.apply_chat_template(messages, return_tensors="pt", add_generation_prompt=True)
answer = merged.generate(prompt, max_new_tokens=64)
batch = tokenizer.batch_encode_plus(["a", "b"], padding=True)
with tokenizer.as_target_tokenizer():
    labels = tokenizer("c")
print(tokenizer.batch_decode(answer))
