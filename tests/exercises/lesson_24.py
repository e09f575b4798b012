"""Known wrong answers to the exercises of notebook 24, and words of the hint that each must get."""


def settings(*lines: str) -> str:
    return "\n    ".join(["def batch_settings(rows, processes, fits):", *lines]) + "\n"


def held(*lines: str) -> str:
    return "\n    ".join(["def rows_held(rank, rows, processes):", *lines]) + "\n"


LARGEST = "batch = max(size for size in range(1, min(fits, share) + 1) if share % size == 0)"

WRONG = {
    "batch_settings": [
        (settings("share = rows", LARGEST, "return batch, share // batch"), "takes rows of its own"),
        (settings("return rows // processes, 1"), "do not fit on one GPU"),
        (settings("return fits, max(1, rows // (fits * processes))"), "rounding changes the run"),
        (settings("return fits, rows / fits / processes"), "not both whole numbers"),
        (settings("return 1, rows // processes"), "fewer, larger pieces are quicker"),
        (settings("share = rows // processes or 1", LARGEST, "return batch, share // batch"), "so raise ValueError"),
        (settings("return rows // processes"), "wanted two numbers"),
    ],
    "rows_held": [
        (held("return rows // processes"), "rounded up, not down"),
        (held("return -(-rows // processes)"), "not that many rows"),
        (held("return rows // processes + (rank < rows % processes)"), "not as even as can be"),
        (held("height = -(-rows // processes)", "return min(height, rows - rank * height)"), "not less than nothing"),
    ],
}
