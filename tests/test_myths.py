"""The myths as a reader gets them: found by words, verdict and lesson, and as text that Markdown leaves alone."""

import re

from helpers import myths, widgets

ALL = myths.read_myths()


def test_find_wants_all_words_and_the_verdict_and_the_lesson():
    assert myths.find_myths(ALL) == ALL
    found = myths.find_myths(ALL, words="RANK memory", ruling="wrong")
    assert found and all("rank" in str(myth).lower() and myth["ruling"] == "wrong" for myth in found)
    assert len(found) < len(myths.find_myths(ALL, words="rank"))
    assert {myth["notebook"] for myth in myths.find_myths(ALL, notebook="04_training")} == {"04_training"}
    assert myths.find_myths(ALL, words="no such word at all") == []


def test_a_table_has_a_line_for_each_and_four_cells_whatever_the_text():
    odd = {**ALL[0], "claim": "a | b <b> *c* `d|e` f_g", "measured": "<|im_end|> [1, 2] $x$ ~y~"}
    *_, line = myths.table([odd]).splitlines()
    assert line.count("|") == 5
    assert not re.search(r"[*_$~]|\bb>", line.partition("](")[0])
    assert "<code>d&#124;e</code>" in line and "&lt;&#124;im&#95;end&#124;&gt;" in line
    assert len(myths.table(ALL).splitlines()) == len(ALL) + 2


def test_every_verdict_has_its_words_and_every_claim_a_link():
    for myth in ALL:
        assert myths.RULINGS[myth["ruling"]] in myths.callout(myth)
        assert f"]({myth['notebook']}.ipynb#cell-id={myth['cell']})" in myths.callout(myth)


def test_the_explorer_follows_its_controls(capsys):
    *controls, _ = widgets.myth_explorer(ALL).children
    words, ruling, notebook = controls
    words.value = "rank"
    found = myths.find_myths(ALL, words="rank")
    assert f"{len(found)} of {len(ALL)}" in capsys.readouterr().out
    ruling.value = "holds"
    assert f"{len(myths.find_myths(found, ruling='holds'))} of {len(ALL)}" in capsys.readouterr().out
    notebook.value = "20_merging"
    assert f"{len(myths.find_myths(found, ruling='holds', notebook='20_merging'))} of" in capsys.readouterr().out
