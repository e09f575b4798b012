"""Length in tokens of the model's own tokenizer, over the whole chat with its template."""

import re
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Any

from helpers import DATA
from helpers.chats import check_words, rendered
from helpers.clean.base_tokenizer import BaseTokenizer
from helpers.clean.fields import RowError
from helpers.clean.formats import Messages
from helpers.errors import InputError
from helpers.model_checks import OWN_CODE, asks_for_own_code, first_line


class ChatTokenizer:
    """Counts the tokens of a chat. Built from a local directory, a hub name or a transformers tokenizer; `template`
    stands in the place of its own."""

    def __init__(self, source=None, template: str = ""):
        self.source, self.template = DATA / "base" if source is None else source, template

    def __getstate__(self) -> dict:
        """A worker process loads the tokenizer anew."""
        return {"source": self.source, "template": self.template}

    @property
    def name(self) -> str:
        """How a report names the tokenizer."""
        if isinstance(self.source, str | Path):
            return Path(self.source).name if Path(self.source).exists() else str(self.source)
        return str(getattr(self.source, "name_or_path", "") or type(self.source).__name__).rsplit("/", 1)[-1]

    @cached_property
    def tokenizer(self):
        """The transformers tokenizer, loaded at first use, or of the embedded base what is asked of it here.

        Raises InputError when it cannot be loaded.
        """
        if not isinstance(self.source, str | Path):
            return self.source
        path = Path(self.source)
        if path == DATA / "base" and not self.template:
            return BaseTokenizer(path)
        if not path.is_dir() and (path.is_absolute() or len(path.parts) > 2 or str(self.source).startswith(".")):
            raise InputError(f"the tokenizer {self.source}: no such directory")
        from transformers import AutoTokenizer

        try:
            tokenizer = AutoTokenizer.from_pretrained(str(self.source), trust_remote_code=False)
        except Exception as error:  # somebody else's files: the libraries raise many kinds
            why = OWN_CODE if asks_for_own_code(error) else f"cannot be loaded: {first_line(error)}"
            raise InputError(f"the tokenizer {self.source} {why}") from None
        check_words(tokenizer, self.source)
        tokenizer.chat_template = self.template or tokenizer.chat_template
        return tokenizer

    @cached_property
    def special_tokens(self) -> tuple[str, ...]:
        """The control tokens of the model: text that holds one would be read as control."""
        added = getattr(self.tokenizer, "added_tokens_decoder", {})
        marks = {str(token) for token in added.values() if getattr(token, "special", False)}
        return tuple(sorted(mark for mark in marks | set(self.tokenizer.all_special_tokens) if len(mark) > 3))

    @cached_property
    def tokens_per_byte(self) -> int:
        """How many tokens a byte of the text can be: 0 where nobody knows, since tokens are not made of bytes.

        Every token is one byte or more, but a tokenizer may set a space of its own before each piece of the text.
        """
        backend: Any = getattr(self.tokenizer, "backend_tokenizer", None)
        if type(getattr(backend, "decoder", None)).__name__ != "ByteLevel":
            return 0
        parts = [part.__getstate__() for part in (backend.pre_tokenizer, backend.normalizer) if part]
        return 2 if any(b'"add_prefix_space":true' in part or b'"Prepend"' in part for part in parts) else 1

    def _bytes(self, text: str) -> int:
        """Bytes of `text` as the tokenizer normalises it; Unicode's normal forms leave ASCII as it is."""
        normalizer = self.tokenizer.backend_tokenizer.normalizer
        if text.isascii() and type(normalizer).__name__ in ("NoneType", "NFC", "NFKC", "NFD", "NFKD"):
            return len(text)
        return len((normalizer.normalize_str(text) if normalizer else text).encode())

    @cached_property
    def takes_tools(self) -> bool:
        """Whether the chat template has a place for tools."""
        template = getattr(self.tokenizer, "chat_template", None)
        templates = template.values() if isinstance(template, dict) else (template or "",)
        return any(re.search(r"\btools\b", text) and "tool_calls" in text for text in templates)

    def count(self, messages: Messages, limit: int = 0, tools: list[dict] | None = None) -> int:
        """Tokens of the whole chat as training gets it, tools included; without a chat template, of the contents joined
        by line breaks. Raises RowError where the template refuses the chat.

        Where the bytes of the text show that they are no more than `limit`, the bound is returned, which is quicker.
        """
        if getattr(self.tokenizer, "chat_template", None):
            _, text, refusal = rendered(self.tokenizer, messages, tools)
            if refusal:
                raise RowError("template", f"the model's chat template refuses it: {refusal}")
        else:
            text = "\n".join(message["content"] for message in messages)
        if len(text) <= limit and self.tokens_per_byte:
            bound = self.tokens_per_byte * self._bytes(text)
            if bound <= limit:
                return bound
        return len(self.tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"])


def counter(tokenizer) -> tuple[Callable[..., int], tuple[str, ...], str]:
    """(token counter, special tokens, name) of a ChatTokenizer, a transformers tokenizer, a path or a name."""
    chat = _chat(tokenizer)
    return chat.count, chat.special_tokens, chat.name


def takes_tools(tokenizer) -> bool:
    """Whether the chat template of such a tokenizer has a place for tools."""
    return _chat(tokenizer).takes_tools


def _chat(tokenizer) -> ChatTokenizer:
    return tokenizer if isinstance(tokenizer, ChatTokenizer) else ChatTokenizer(tokenizer)
