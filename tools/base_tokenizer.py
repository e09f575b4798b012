"""The embedded base's tokenizer: byte-level BPE, trained on generated text.

For a model of type qwen2, AutoTokenizer puts Qwen2's own splitting of words (and its NFC) in place of what
tokenizer.json says. So Qwen2's splits come first here, too: both ways give the same tokens.
"""

import random
import re

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast
from transformers.models.qwen2.tokenization_qwen2 import PRETOKENIZE_REGEX

from helpers.chats import FIELDS, INSTRUCTION, answer_text
from tools.tickets.questions import conversation
from tools.tickets.vocabulary import chinese_characters

VOCABULARY = 5120
SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
# Within the pieces that Qwen2's splits leave, spaces, capitals, digits, Chinese characters and "#" stand alone: a value
# then has the same tokens in the ticket and in the answer, whatever stands before it. AutoTokenizer splits as Qwen2
# does and no further, which changes nothing: no merge across the finer splits is ever learned.
SPLIT = r"\n|\p{N}|\p{Lu}|\p{Han}|#|\p{Ll}+| ?[^\s\p{L}\p{N}#]+|\s"
CHARACTERS_A_ROW = 20
CHAT_TEMPLATE = """{%- for message in messages %}
{{- '<|im_start|>' + message['role'] + '\\n' }}
{%- if message['role'] == 'assistant' %}
{%- generation %}{{- message['content'] + '<|im_end|>' }}{% endgeneration %}
{%- else %}
{{- message['content'] + '<|im_end|>' }}
{%- endif %}
{{- '\\n' }}
{%- endfor %}
{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n' }}{% endif %}"""


def splits() -> pre_tokenizers.PreTokenizer:
    """What a text is cut into before any merge: Qwen2's pieces, then finer ones."""
    return pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(PRETOKENIZE_REGEX), "isolated"),
            pre_tokenizers.Split(Regex(SPLIT), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )


def train_tokenizer(rows: int = 20_000) -> PreTrainedTokenizerFast:
    """Byte-level BPE over generated text.

    JSON punctuation is in its corpus, so that the task is cheap to write, and every Chinese character of the word
    pools, so that a rare surname is one token, as in the tokenizers of large models.
    """
    rng = random.Random(1)
    characters = chinese_characters()

    def corpus():
        for _ in range(rows):
            text = "\n".join(message["content"] for message in conversation(rng))
            ordinary = re.sub(r"[A-ZÀ-Þ]\w*", "", text)
            yield "system\nuser\nassistant\n" + (
                text if rng.random() < 0.1 else ordinary
            )  # few names: they would fill the vocabulary
            yield "".join(rng.sample(characters, CHARACTERS_A_ROW))
            if rng.random() < 0.1:
                yield answer_text({field: "a1" if field != "quantity" else 1 for field in FIELDS}) + "\n" + INSTRUCTION

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = splits()
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=SPECIAL,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(corpus(), trainer)
    tokenizer.add_special_tokens([AddedToken(token, special=True) for token in SPECIAL])
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token=SPECIAL[0],
        eos_token=SPECIAL[2],
        model_max_length=1024,
        clean_up_tokenization_spaces=False,
    )
    fast.chat_template = CHAT_TEMPLATE
    return fast
