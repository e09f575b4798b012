"""What a training step holds in memory: predicted from an architecture alone, measured, and fitted to a GPU.

`plan` predicts, `measure` counts the same terms on a real run, `fit` looks for settings that a GPU can hold,
`published` holds figures of others against the prediction, `inference` is the memory of loading and generating. Bytes.
"""

from helpers.memory.settings import Settings

__all__ = ["Settings"]
