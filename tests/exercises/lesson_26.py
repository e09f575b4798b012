"""Known wrong answers to the exercise of notebook 26, and words of the hint that each must get."""

USUAL = {
    "size": "max(len(row['input_ids']) for row in rows)",
    "ids": "[row['input_ids'] + [pad_id] * (size - len(row['input_ids'])) for row in rows]",
    "mask": "[[1] * len(row['input_ids']) + [0] * (size - len(row['input_ids'])) for row in rows]",
    "labels": "[row['labels'] + [-100] * (size - len(row['labels'])) for row in rows]",
    "named": "{'input_ids': ids, 'attention_mask': mask, 'labels': labels}",
}


def collate(**changed: str) -> str:
    use = {**USUAL, **changed}
    return (
        "import torch\n\ndef collate(rows, pad_id):\n"
        f"    size = {use['size']}\n"
        f"    ids = torch.tensor({use['ids']})\n"
        f"    mask = torch.tensor({use['mask']})\n"
        f"    labels = torch.tensor({use['labels']})\n"
        f"    return {use['named']}\n"
    )


WRONG = {
    "collate": [
        (collate(named="(ids, mask, labels)"), "wanted is a dict"),
        (collate(named="{'input_ids': ids, 'labels': labels}"), "without an attention mask"),
        (collate(size="8"), "shape (3, 4)"),
        (collate(ids="[[pad_id] * (size - len(r['input_ids'])) + r['input_ids'] for r in rows]"), "on the right"),
        (collate(mask="[[1] * size for row in rows]"), "attention_mask is not 1"),
        (
            collate(labels="[row['labels'] + [pad_id] * (size - len(row['labels'])) for row in rows]"),
            "the loss counts the filling",
        ),
        (
            collate(labels="[r['input_ids'] + [-100] * (size - len(r['input_ids'])) for r in rows]"),
            "the rows' own labels",
        ),
        (
            collate(
                named="{'input_ids': ids, 'attention_mask': mask, 'labels': labels.masked_fill(ids == pad_id, -100)}"
            ),
            "never learn to stop",
        ),
        (collate(mask="(ids != pad_id).long().tolist()"), "hides the true ends"),
    ]
}
