"""Answers that break off, in five languages and in code; and repairs that would answer the question."""

import pytest
from clean_tools import ask, clean_bytes, contents, lines

from helpers.clean.fields import RowError
from helpers.clean.rows import clean_row, default_rules

RULES = default_rules(2048)
CUT = [
    "Der Versand dauert zwei Tage. Bitte prüfen Sie zuerst die Adresse und",
    "Das Gerät ist nicht defekt. Es wird aber langsam, weil",
    "Die Garantie gilt zwei Jahre. Melden Sie sich mit dem Beleg beim",
    "La livraison prend deux jours. Il faut vérifier l'adresse et",
    "Votre colis est arrivé hier. Vous pouvez le retirer dans",
    "El envío tarda dos días. Debe comprobar primero la dirección del",
    "No hay que pagar nada. La devolución es gratuita porque",
    "运费由我们承担，您只需要把包装好的商品在七天之内寄回到下面的地址就可以了。退款一般需要三天，但是",
    "您好，这款耳机支持两年保修，保修期内非人为损坏都可以免费更换新的耳机或者电池。如果",
    "The refund takes three days. Please send the parcel to our",
    "def total(rows):\n    result = 0\n    for row in rows:\n        result += add(row.price,",
    "import json\n\ndef read(path):\n    with open(path) as file:\n        return json.load(file)\n\ndef write(path, rows):",
    "const rows = load();\nconst first = rows[0];\nlet total = rows.map(row => row.price).reduce((a, b) => a + b, 0);\nlet mean =",
]  # fmt: skip
WHOLE = [
    "Das Konto ist gesperrt. Rufen Sie uns bitte unter dieser Nummer an",
    "Die Tür ist offen. Bitte machen Sie sie zu",
    "Ich kenne den Laden nicht. Aber ich weiß das",
    "Il y a deux boîtes. Pour la petite, prenez-les",
    "La page est en allemand. Vous la trouvez sur www.example.de",
    "Hay dos cajas en la tienda. La más grande la tengo yo",
    "Dosya silindi. Lütfen bağlantıyı kontrol edin ve işlemi iptal et",
    "O preço inclui o frete. Não é preciso pagar mais",
    "这个问题我们已经处理好了。您的申请昨天下午已经审核通过",
    "这件衣服是纯棉的，洗的时候请用冷水，不要用漂白剂，也不要放进烘干机。价格已经包括运费，颜色是蓝色的",
    "You can solve it in two steps. First isolate the term, then solve for y",
    "The option is there for a reason. Here is the command to run:\n\n    pip install demo",
    "These are the steps. Then put this into the file:\n\n```python\nprint(1)\n```",
    "def add(a, b):\n    # sums, differences, products,\n    return a + b\n\nprint(add(1, 2))",
    "class Empty:\n    pass\n\ndef nothing():\n    ...\n\nx = [1,\n     2]",
    "The signature is this. Nothing else is needed:\n\ndef area(width: float, height: float) -> float:\n    return width * height",
    "SELECT name\nFROM customers\nWHERE name LIKE 'A,%'\nORDER BY name",
]  # fmt: skip


@pytest.mark.parametrize("answer", CUT)
def test_an_answer_that_breaks_off_is_rejected(answer):
    with pytest.raises(RowError) as refused:
        clean_row(ask("Please help me with this.", answer), RULES)
    assert refused.value.reason == "truncated_output"


@pytest.mark.parametrize("answer", WHOLE)
def test_an_answer_that_is_whole_is_kept(answer):
    assert contents(clean_row(ask("Please help me with this.", answer), RULES).row)[1] == answer


GIVEN_AWAY = [
    ("Repair this word: cafÃ©", "café"),
    ("Repair these words: Ã¼ber die StraÃŸe", "„über die Straße“"),
    ("Normalise: ＡＢＣ", "ABC"),
    ("Make these letters plain, please:\n\nＡＢＣ１２３", '"ABC123".'),
    ("Resolve this: R&amp;D", "R&D"),
    ("Take out what cannot be seen: pass\u200bword", "password"),
]


@pytest.mark.parametrize(("question", "answer"), GIVEN_AWAY)
def test_a_repair_that_would_answer_the_question_is_not_made(tmp_path, question, answer):
    report, kept, _ = clean_bytes(tmp_path, lines(ask(question, answer)))
    assert contents(kept[0]) == [question, answer]
    assert report.left_as_written["repair_is_the_task"] == 1 and "repair_is_the_task" in report.text("c", "r")


def test_nor_is_it_where_html_is_stripped_everywhere(tmp_path):
    _, kept, _ = clean_bytes(tmp_path, lines(ask("Resolve: &lt;b&gt;", "<b>")), repair_html=True)
    assert contents(kept[0]) == ["Resolve: &lt;b&gt;", "<b>"]


@pytest.mark.parametrize(
    ("question", "repaired", "answer"),
    [
        (
            "We met in the cafÃ© beside the Ã©glise. Where?",
            "We met in the café beside the église. Where?",
            "In the café",
        ),
        ("Is the cafÃ© in Paris open? Yes or no?", "Is the café in Paris open? Yes or no?", "Yes"),
        ("Le cafÃ© et le thÃ© : lequel est noir ?", "Le café et le thé : lequel est noir ?", "café"),
        ("How much is one cafÃ©, in ＵＳＤ?", "How much is one café, in USD?", "Two."),
    ],
)
def test_damage_beside_the_answer_is_repaired(tmp_path, question, repaired, answer):
    report, kept, _ = clean_bytes(tmp_path, lines(ask(question, answer)))
    assert contents(kept[0]) == [repaired, answer] and not report.left_as_written
