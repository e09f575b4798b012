"""Check of the exercise of notebook 10: which cause a hub's answer points to."""

from collections.abc import Callable

from helpers.exercises import exercise, wrong

ANSWERS = {
    (None, ""): "network",
    (200, ""): "nothing",
    (401, "RepoNotFound"): "name or token",
    (404, "RepoNotFound"): "name",
    (401, "GatedRepo"): "token",
    (403, "GatedRepo"): "terms",
}
HINTS = {
    (None, ""): "where nobody answered there is no status, and nothing was said about the name: it is the network",
    (200, ""): "200 is the file itself: there is nothing to look at",
    (401, "RepoNotFound"): "a stranger gets 401 for a typo, too: a misspelt name and a missing token read the same",
    (404, "RepoNotFound"): "404 goes to those who have sent a token: for them the name is not there",
    (401, "GatedRepo"): "401 of a gated model: the name is right, and the hub does not know who asks",
    (403, "GatedRepo"): "403: the hub knows who asks, and this account has not been let in. Where is that changed?",
}


@exercise
def look_at(answer: Callable) -> str:
    """`answer(status, code)` is the one thing to look at."""
    for (status, code), right in ANSWERS.items():
        found = answer(status, code)
        if found not in ANSWERS.values():
            wrong(f"{found!r} is none of the six words; it was the answer to status {status}, code {code!r}")
        if found != right:
            wrong(f"status {status}, code {code!r}, is not {found!r}. {HINTS[status, code]}")
    return "the network is one cause of five, and a mirror cures no other."
