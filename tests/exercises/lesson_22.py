"""Known wrong answers to the exercises of notebook 22, and words of the hint that each must get."""


def layer(body: str) -> str:
    return f"def mixed_layer(x, W, adapters, names):\n    out = x @ W.T\n{body}    return out\n"


def row(change: str, test: str = "name != '__base__'") -> str:
    loop = f"    for i, name in enumerate(names):\n        if {test}:\n"
    return layer(f"{loop}            A, B, scale = adapters[name]\n            {change}\n")


def routed(expression: str) -> str:
    return f"def route(requests, routes):\n    return {expression}\n"


ALL = "    for A, B, scale in adapters.values():\n        out = out + scale * (x @ A.T @ B.T)\n"
FIRST = "    A, B, scale = adapters[names[0]]\n    out = out + scale * (x @ A.T @ B.T)\n"
RAISES = "    for r in requests:\n        if r.get('model') not in (None, *routes):\n            raise ValueError({})\n"

WRONG = {
    "mixed_layer": [
        (layer(""), "no row has its adapter"),
        (layer(ALL), "the sum of all adapters"),
        (layer(FIRST), "the first row's adapter"),
        (row("out[i] += x[i] @ A.T @ B.T"), "without their scale"),
        (
            row("out[i] = scale * (x[i] @ A.T @ B.T)", "out[i].zero_() is not None and name in adapters"),
            "W x is missing",
        ),
        (row("out[i] += scale * (x[i] @ A.T @ B.T)", "True"), "that name stands for none"),
        (row("out[i] += scale * (x[i] @ A.T @ B.T); x[i] = 0"), "it changed x itself"),
        (
            row("out[i] += scale * (x[i] @ A.T @ B.T)").replace("enumerate(names)", "enumerate(sorted(names))"),
            "the names were sorted",
        ),
        (row("out[i] += scale * (x[i] @ A.T @ B.T)", "name == 'json'"), "rows [1, 3] are not"),
    ],
    "route": [
        (routed("[routes[r['model']] for r in requests]"), "for a request without `model`"),
        (routed("[routes.get(r.get('model'), '__base__') for r in requests]"), "a typing error became another model"),
        (routed("[routes[r['model']] if 'model' in r else '__base__' for r in requests]"), "a bare KeyError"),
        (routed("[r.get('model', '__base__') for r in requests]"), "what the requests say"),
        (routed("{routes.get(r.get('model'), '__base__') for r in requests}"), "PEFT wants a list"),
        (routed("[routes[r['model']] for r in requests if 'model' in r]"), "one for each row"),
        (routed("sorted(routes.get(r.get('model'), '__base__') for r in requests)"), "in another order"),
        (
            "def route(requests, routes):\n"
            + RAISES.format("'unknown model'")
            + "    return [routes.get(r.get('model'), '__base__') for r in requests]\n",
            "does not say which name",
        ),
    ],
}
