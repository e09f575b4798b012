"""Known wrong answers to the exercises of notebook 00, each with the words of its hint."""

PICK = """
def pick(gpu_bytes, parameters, task):
    room = {room}
    if task == "asked":
        return {asked}
    methods = {methods}
    for method, each in methods[task]:
        if each * parameters + room <= gpu_bytes:
            return method
    return "none"
"""
RIGHT = {
    "room": "2e9",
    "asked": '"prompt"',
    "methods": '{"taught": [("lora", 2.1), ("qlora", 0.9)], "raw text": [("full", 18)]}',
}


def pick(**changed: str) -> str:
    return PICK.format(**RIGHT | changed)


WRONG = {
    "pick": [
        (pick(asked='"lora"'), "what would training add"),
        (
            pick(methods='{"taught": [("lora", 2.1), ("qlora", 0.9)], "raw text": [("full", 2)]}'),
            "one of several numbers",
        ),
        (
            pick(methods='{t: [("full", 18), ("lora", 2.1), ("qlora", 0.9)] for t in ("taught", "raw text")}'),
            "say none",
        ),
        (pick(methods='{"taught": [("qlora", 0.9), ("lora", 2.1)], "raw text": [("full", 18)]}'), "round the base"),
        (
            pick(methods='{"taught": [("full", 18), ("lora", 2.1), ("qlora", 0.9)], "raw text": [("full", 18)]}'),
            "easily thrown away",
        ),
        (pick(room="0"), "Leave ROOM"),
        (pick(methods='{"taught": [("lora", 2.1), ("qlora", 0.5)], "raw text": [("full", 18)]}'), "6 GB, taught"),
    ],
    "usable_dtype": [
        (
            "def usable_dtype(capability):\n    return 'bfloat16' if capability >= (8, 0) else 'float16'",
            "which cannot be compared",
        ),
        ("def usable_dtype(capability):\n    return 'bfloat16'", "computes in float32"),
        (
            "def usable_dtype(capability):\n    return 'float32' if capability is None else 'bfloat16'",
            "only emulates",
        ),
        (
            "def usable_dtype(capability):\n    if capability is None:\n        return 'float32'\n"
            "    return 'bfloat16' if capability > (8, 0) else 'float16'",
            "is your bound above it",
        ),
        (
            "def usable_dtype(capability):\n    if capability is None:\n        return 'float32'\n"
            "    version = '.'.join(map(str, capability))\n    return 'bfloat16' if version >= '8.0' else 'float16'",
            "do you compare text",
        ),
    ],
}
