"""Known wrong answers to the exercises of notebook 25, and words of the hint that each must get."""


def chance(*lines: str) -> str:
    return "\n    ".join(["from math import comb\ndef by_chance(better, worse):", *lines]) + "\n"


def rank(*lines: str) -> str:
    return "\n    ".join(["def rank_behind(parameters, shapes):", *lines]) + "\n"


TAIL = "tail = sum(comb(better + worse, k) for k in range({} + 1)) / 2 ** (better + worse)"
EXACT = "return None if parameters % one else"
WIDTHS = "one = sum({} for wide, high in shapes)"

WRONG = {
    "by_chance": [
        (chance(TAIL.format("min(better, worse)"), "return tail"), "one direction alone"),
        (chance(TAIL.format("min(better, worse)"), "return 2 * tail"), "no probability"),
        (chance("return min(1, 2 * comb(better + worse, better) / 2 ** (better + worse))"), "this split alone"),
        (chance(TAIL.format("worse"), "return min(1, 2 * tail)"), "the other way round not"),
        (chance("return 0.05"), "wanted"),
    ],
    "rank_behind": [
        (rank(WIDTHS.format("wide + high"), "return parameters // one or None"), "without a rest"),
        (rank(WIDTHS.format("wide + high"), f"{EXACT} parameters // one"), "rank 0 is none"),
        (rank(WIDTHS.format("wide + high"), f"{EXACT} parameters / one"), "whole number"),
        (rank(WIDTHS.format("wide"), f"{EXACT} parameters // one or None"), "A alone"),
        (rank("return parameters // sum(shapes[0]) or None"), "one layer"),
        (rank(WIDTHS.format("wide * high"), "return parameters // one"), "not in x out"),
    ],
}
