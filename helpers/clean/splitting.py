"""Training and validation rows: stratified, seeded, and near duplicates always on the same side."""

import random
from collections import defaultdict
from dataclasses import dataclass

from helpers.clean.duplicates import jaccard, minhash, new_index, normalised, prompt_text, shingles
from helpers.errors import InputError


@dataclass(frozen=True)
class Split:
    """Rows of both sides, each in the order in which they came."""

    train: list[dict]
    validation: list[dict]


def group_rows(rows: list[dict], threshold: float = 0.8) -> list[int]:
    """A group number for each row: rows whose prompts are equal or near duplicates (Jaccard >= threshold) share one.

    Groups are chains: if a is near b and b near c, all three belong together. O(rows) signatures in memory.
    """
    parent = list(range(len(rows)))

    def root(i: int) -> int:
        while parent[i] != i:
            parent[i] = parent[parent[i]]
            i = parent[i]
        return i

    index, first = new_index(), dict[str, int]()
    for i, row in enumerate(rows):
        text = prompt_text(row["messages"])
        same = first.setdefault(normalised(text), i)
        if same != i:
            parent[root(i)] = root(same)
            continue
        mark, own = minhash([shingle.encode("utf-8", "surrogatepass") for shingle in shingles(text)]), None
        for j in sorted(index.query(mark)):
            if root(i) == root(j):
                continue
            own = own or shingles(text)
            if jaccard(own, shingles(prompt_text(rows[j]["messages"]))) >= threshold:
                parent[root(i)] = root(j)
        index.insert(i, mark)
    return [root(i) for i in range(len(rows))]


def split_rows(
    rows: list[dict],
    validation: float = 0.1,
    seed: int = 0,
    stratify_by: str | None = "language",
    groups: list[int] | None = None,
) -> Split:
    """Split `rows` ({"messages": ...}) into training and validation.

    `validation` is the share of rows (0.1 is the usual 9:1), met within each value of `stratify_by` as closely as whole
    groups allow, never by cutting a group in two. With two groups or more and a share above 0 neither side is empty.
    `groups` gives the group of each row instead of `group_rows`. Raises InputError for a share outside 0 to 1.
    """
    if not 0 <= validation < 1:
        raise InputError(f"the validation share must be at least 0 and below 1, not {validation}")
    groups = group_rows(rows) if groups is None else groups
    members: defaultdict[int, list[int]] = defaultdict(list)
    for i, number in enumerate(groups):
        members[number].append(i)
    strata: defaultdict[str, list[list[int]]] = defaultdict(list)
    for group in members.values():
        strata[str(rows[group[0]].get(stratify_by)) if stratify_by else ""].append(group)
    chosen: set[int] = set()
    rng = random.Random(seed)
    for name in sorted(strata):
        pieces = strata[name]
        rng.shuffle(pieces)
        wanted = validation * sum(map(len, pieces))
        taken = 0
        for group in pieces:
            if abs(taken + len(group) - wanted) < abs(taken - wanted):
                chosen.update(group)
                taken += len(group)
    if not chosen and validation and len(members) > 1:
        smallest = min([group for pieces in strata.values() for group in pieces], key=len)
        chosen.update(smallest)
    elif len(chosen) == len(rows) and len(members) > 1:
        smallest = min(members.values(), key=len)
        chosen.difference_update(smallest)
    return Split(
        [row for i, row in enumerate(rows) if i not in chosen], [row for i, row in enumerate(rows) if i in chosen]
    )
