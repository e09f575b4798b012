"""QLoRA with SFTTrainer, as one wrote it in 2023."""

import torch
from datasets import load_dataset
from peft import LoraConfig, get_peft_model, prepare_model_for_int8_training
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    BitsAndBytesConfig,
    TrainingArguments,
)
from trl import DataCollatorForCompletionOnlyLM, SFTTrainer

BASE = "some-lab/base-7b"
rows = load_dataset("json", data_files="tickets.jsonl", split="train", use_auth_token=True, ignore_verifications=True)

quantized = BitsAndBytesConfig(load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_compute_dtype=torch.bfloat16)
model = AutoModelForCausalLM.from_pretrained(
    BASE,
    quantization_config=quantized,
    torch_dtype=torch.bfloat16,  # half the memory
    use_flash_attention_2=True,
    device_map="auto",
)
tokenizer = AutoTokenizer.from_pretrained(BASE)
tokenizer.pad_token = tokenizer.eos_token

model = prepare_model_for_int8_training(model)
lora = LoraConfig(r=16, lora_alpha=32, target_modules=["q_proj", "v_proj"], task_type="CAUSAL_LM")
model = get_peft_model(model, lora)

arguments = TrainingArguments(
    output_dir="out",
    overwrite_output_dir=True,  # start afresh
    evaluation_strategy="steps",  # as often as we save
    eval_steps=50,
    warmup_ratio=0.03,
    group_by_length=True,
    logging_dir="logs",
    learning_rate=2e-4,
    optim="paged_adamw_8bit",
)

trainer = SFTTrainer(
    model=model,
    args=arguments,
    train_dataset=rows,
    peft_config=lora,
    tokenizer=tokenizer,
    max_seq_length=512,
    dataset_text_field="text",
    packing=False,
    data_collator=DataCollatorForCompletionOnlyLM("### Answer:", tokenizer=tokenizer),
)
trainer.train()
trainer.tokenizer.save_pretrained("out")
