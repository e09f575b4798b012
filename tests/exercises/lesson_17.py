"""Known wrong answers to the exercise of notebook 17, and words of the hint that each must get."""


def listed(condition: str, paths: str = "[*model.targeted_module_names, *model.targeted_parameter_names]") -> str:
    return f"def unused(asked, model):\n    paths = {paths}\n    return [name for name in asked if {condition}]\n"


WRONG = {
    "unused": [
        (listed("any(path.endswith('.' + name) for path in paths)"), "the names that were found"),
        ("def unused(asked, model):\n    return []\n", "the answer is empty"),
        ("def unused(asked, model):\n    print(asked)\n", "returned None"),
        (listed("name not in paths"), "not the whole of it"),
        (listed("not any(path.endswith(name) for path in paths)"), "whole names between dots"),
        (listed("not any(name in path for path in paths)"), "whole names between dots"),
        (listed("not any(name in path.split('.') for path in paths)"), "in the middle of the paths"),
        (
            listed("not any(('.' + path).endswith('.' + name) for path in paths)", "model.targeted_module_names"),
            "targeted_parameter_names, too",
        ),
        (listed("not any(path.endswith('.' + name) for path in paths)"), "the name is the whole path"),
        (
            "def unused(asked, model):\n"
            "    paths = [*model.targeted_module_names, *model.targeted_parameter_names]\n"
            "    missing = {n for n in asked if not any(f'.{p}'.endswith(f'.{n}') for p in paths)}\n"
            "    return sorted(missing, reverse=True)\n",
            "another order",
        ),
    ]
}
