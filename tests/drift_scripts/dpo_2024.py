"""DPO and ORPO, as one wrote them early in 2024."""

import trl
from peft import LoraConfig
from transformers import AutoModelForCausalLM, AutoTokenizer, TrainingArguments
from trl import DPOTrainer, ORPOConfig, ORPOTrainer, setup_chat_format

model = AutoModelForCausalLM.from_pretrained("some-lab/chat-1b", load_in_4bit=True)
tokenizer = AutoTokenizer.from_pretrained("some-lab/chat-1b")
model, tokenizer = setup_chat_format(model, tokenizer)

trainer = DPOTrainer(
    model,
    ref_model=None,
    args=TrainingArguments("dpo", gradient_checkpointing=True, report_to="tensorboard"),
    beta=0.1,
    tokenizer=tokenizer,
    max_prompt_length=256,
    max_length=512,
    peft_config=LoraConfig(task_type="SEQ2SEQ_LM"),
)

config = ORPOConfig(output_dir="orpo")
orpo = ORPOTrainer(model=model, args=config)
sft = trl.SFTConfig("sft", max_seq_length=256, packing=True, chars_per_token=3.6, use_liger=True)
