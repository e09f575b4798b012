"""The cleaner's quick looks: what they pass over is what the slow way leaves as it is."""

import random
import re

from helpers.clean import privacy, repair
from helpers.clean.privacy import mask_personal_data

PIECES = (
    "+86 ", "0086", "138", "1234", "5678", " ", "-", "(+49)", "010", " ext. ", "x", "call me at ", "4111 1111 1111 1111", "转", "400-", "电话", "：", "\n",
    "退货", "你好", "Ã©", "浣犲ソ", "ä½\xa0å¥½", "\u200b", "\u202e", "Ａ１", "Ｂ", "＃", "\u3000", "e\u0301", "<br>", "&amp;", "a < b", "\x1b[0m", "\x07", "café", "“", "，",
)  # fmt: skip


def test_the_quick_looks_before_the_repairs_change_nothing(monkeypatch):
    """What is passed over because a quick look finds it clean is what the repairs and the masks leave as it is."""
    rng = random.Random(0)
    texts = ["".join(rng.choice(PIECES) for _ in range(rng.randint(1, 8))) for _ in range(1500)]
    quick = [(mask_personal_data(text), *(repair.repair_text(text, kind) for kind in repair.REPAIRS)) for text in texts]
    assert len({names for masked, *repaired in quick for _, names in repaired}) > 20
    assert {name for (_, names), *_ in quick for name in names} == {"masked_card", "masked_phone"}
    monkeypatch.setattr(repair, "_decoded_well", lambda text: False)
    monkeypatch.setattr(privacy, "_MANY_DIGITS", re.compile(""))
    repair.repair_text.cache_clear()
    for text, found in zip(texts, quick):
        assert found == (mask_personal_data(text), *(repair.repair_text(text, kind) for kind in repair.REPAIRS)), text
    repair.repair_text.cache_clear()
