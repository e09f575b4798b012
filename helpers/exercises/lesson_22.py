"""Checks of the exercises of notebook 22: a layer whose rows have different adapters, and a router."""

from collections.abc import Callable

from helpers.exercises import exercise, wrong

ROUTES = {"tickets-json": "json", "tickets-yaml": "yaml", "plain": "__base__"}


@exercise
def mixed_layer(answer: Callable) -> str:
    """`answer(x, W, adapters, names)` is a linear layer's output, (rows, out), each row with its own adapter."""
    import torch

    draw = torch.Generator().manual_seed(0)

    def matrix(*shape: int) -> torch.Tensor:
        return torch.randn(shape, generator=draw)

    x, W, names = matrix(5, 6), matrix(4, 6), ["json", "yaml", "__base__", "yaml", "json"]
    adapters = {"json": (matrix(2, 6), matrix(4, 2), 2.0), "yaml": (matrix(3, 6), matrix(4, 3), 0.5)}
    plain, x_before = x @ W.T, x.clone()
    added = {name: scale * (x @ A.T @ B.T) for name, (A, B, scale) in adapters.items()}
    unscaled = {name: x @ A.T @ B.T for name, (A, B, _) in adapters.items()}
    added["__base__"] = unscaled["__base__"] = torch.zeros_like(plain)

    def rows(parts: dict[str, torch.Tensor], chosen: list[str]) -> torch.Tensor:
        return torch.stack([plain[i] + parts[name][i] for i, name in enumerate(chosen)])

    try:
        found = answer(x, W, adapters, names)
    except KeyError as error:
        wrong(f"it looks for {error} among the adapters: that name stands for none, W alone")
    if not isinstance(found, torch.Tensor) or found.shape != plain.shape:
        wrong(f"wanted a tensor of shape {tuple(plain.shape)}: (rows, out)")
    if not torch.equal(x, x_before):
        wrong("it changed x itself, which the next layer needs as it was")
    for other, hint in (
        (plain, "these are W's own answers: no row has its adapter"),
        (plain + added["json"] + added["yaml"], "every row has the sum of all adapters: which one is row 0's?"),
        (rows(added, [names[0]] * 5), "every row has the first row's adapter"),
        (rows(unscaled, names), "the right matrices, without their scale (alpha / r)"),
        (rows(added, names) - plain, "the adapter's part alone: W x is missing"),
        (rows(added, sorted(names)), "the names were sorted: row and name no longer belong together"),
    ):
        if torch.allclose(found, other, atol=1e-5):
            wrong(hint)
    right = rows(added, names)
    if not torch.allclose(found, right, atol=1e-5):
        far = [i for i in range(5) if not torch.allclose(found[i], right[i], atol=1e-5)]
        wrong(f"rows {far} are not W x + scale · B A x with the adapter of their name")
    return "one product with W for all rows, and for each row its own small one: what adapter_names does."


@exercise
def route(answer: Callable) -> str:
    """`answer(requests, routes)` is the adapter's name for each request."""
    asked = ["tickets-yaml", "plain", "tickets-json", None, "tickets-yaml"]
    requests: list[dict] = [{"messages": []} if name is None else {"model": name, "messages": []} for name in asked]
    try:
        found = answer(requests, ROUTES)
    except KeyError as error:
        wrong(f"it raised KeyError {error} for a request without `model`: that one gets __base__")
    if not isinstance(found, list):
        wrong(f"it returned {type(found).__name__}; PEFT wants a list")
    if len(found) != len(requests):
        wrong(
            f"{len(found)} names for {len(requests)} requests: adapter_names needs one for each row, "
            "and another length breaks the model"
        )
    if found == asked or "tickets-yaml" in found:
        wrong("it returned what the requests say: PEFT knows the adapters' names, the values of `routes`")
    right = ["yaml", "__base__", "json", "__base__", "yaml"]
    if sorted(map(str, found)) == sorted(right) and found != right:
        wrong("the names are in another order than the requests")
    if found != right:
        wrong(f"{found!r}, wanted {right!r}")
    try:
        found = answer([{"model": "tickets-yml", "messages": []}], ROUTES)
    except ValueError as error:
        if "tickets-yml" not in str(error):
            wrong("the ValueError does not say which name is unknown")
    except KeyError:
        wrong("an unknown name ends in a bare KeyError: raise ValueError with the name in its message")
    else:
        wrong(f"'tickets-yml' is in no route, and was answered by {found}: a typing error became another model")
    if answer([], ROUTES) != []:
        wrong("no requests, no names: an empty list")
    return "one name for each request, in order, and a typing error is told to the one who made it."
