"""The embedded base's tokenizer from its files alone: importing transformers takes longer than a thousand rows.

It does what the cleaner asks of a transformers tokenizer, and nothing else. A test holds the two against each other.
"""

from pathlib import Path

from jinja2.ext import Extension, loopcontrols
from jinja2.nodes import Scope
from jinja2.sandbox import ImmutableSandboxedEnvironment
from tokenizers import Tokenizer

from helpers.clean.formats import Messages


class Generation(Extension):
    """transformers' `{% generation %}`, which marks the answers for the loss mask: here its contents alone."""

    tags = {"generation"}

    def parse(self, parser):
        line = next(parser.stream).lineno
        return Scope(parser.parse_statements(("name:endgeneration",), drop_needle=True), lineno=line)


class BaseTokenizer:
    """Chat template and tokens of the model in `folder`."""

    def __init__(self, folder: Path):
        self.backend_tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self.added_tokens_decoder = self.backend_tokenizer.get_added_tokens_decoder()
        self.all_special_tokens = tuple(token.content for token in self.added_tokens_decoder.values() if token.special)
        self.chat_template = (folder / "chat_template.jinja").read_text(encoding="utf-8")
        places = ImmutableSandboxedEnvironment(
            trim_blocks=True, lstrip_blocks=True, extensions=[Generation, loopcontrols]
        )
        self._template = places.from_string(self.chat_template)

    def apply_chat_template(self, messages: Messages, tools: list[dict] | None = None, tokenize: bool = False) -> str:
        """The chat as text; `tokenize` is False."""
        return self._template.render(messages=messages, tools=tools)

    def __call__(self, text: str, **_) -> dict[str, list[int]]:
        """The token ids of `text`, without special tokens of the tokenizer's own."""
        return {"input_ids": self.backend_tokenizer.encode(text, add_special_tokens=False).ids}
