"""Plain Trainer with a metric, a custom loss and dicts of arguments, as one wrote it in 2022 and 2023."""

import datasets
import transformers
from datasets import load_metric
from peft import TaskType
from transformers import AdamW
from transformers import Trainer as HFTrainer

metric = load_metric("accuracy")
data = datasets.load_dataset("imdb", trust_remote_code=True)

common = dict(
    per_gpu_train_batch_size=4,
    no_cuda=True,
    fp16_opt_level="O1",
    save_safetensors=False,
)
strategy = {"evaluation_strategy": "epoch", "load_best_model_at_end": True}
args = transformers.TrainingArguments("out", **common, **strategy, **{"warmup_ratio": 0.1}, optim="adamw_hf")

model_class = transformers.AutoModelForSequenceClassification
model = model_class.from_pretrained("some-lab/encoder", num_labels=2, use_auth_token=True)
tokenizer = transformers.AutoTokenizer.from_pretrained("some-lab/encoder")
batch = tokenizer.encode_plus("hello", return_tensors="pt")


class WeightedTrainer(HFTrainer):
    def compute_loss(self, model, inputs, return_outputs=False):
        outputs = model(**inputs)
        return (outputs.loss, outputs) if return_outputs else outputs.loss


trainer = WeightedTrainer(
    model, args, train_dataset=data["train"], tokenizer=tokenizer, optimizers=(AdamW(model.parameters()), None)
)
trainer.train(model_path="out/checkpoint-1")
model.gradient_checkpointing_enable()
task = TaskType.SEQ2SEQ_LM
print(transformers.pipeline("summarization", model=model, tokenizer=tokenizer)("long text"))
