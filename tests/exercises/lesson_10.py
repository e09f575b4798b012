"""Known wrong answers to the exercise of notebook 10, and words of the hint that each must get."""

RIGHT = """
def look_at(status, code):
    if status is None:
        return "network"
    if code == "GatedRepo":
        return "token" if status == 401 else "terms"
    if code == "RepoNotFound":
        return "name or token" if status == 401 else "name"
    return "nothing"
"""
BY_STATUS = """
def look_at(status, code):
    return {None: "network", 200: "nothing", 401: "token", 403: "terms", 404: "name"}[status]
"""


def changed(old: str, new: str) -> str:
    assert old in RIGHT
    return RIGHT.replace(old, new)


WRONG = {
    "look_at": [
        (BY_STATUS, "a misspelt name and a missing token read the same"),
        (changed('return "network"', 'return "name"'), "it is the network"),
        (changed('return "nothing"', 'return "network"'), "200 is the file itself"),
        (changed('"name or token" if status == 401 else "name"', '"name or token"'), "404 goes to those"),
        (changed('"token" if status == 401 else "terms"', '"terms"'), "does not know who asks"),
        (changed('"token" if status == 401 else "terms"', '"token"'), "has not been let in"),
        (changed('return "nothing"', "return None"), "none of the six words"),
    ]
}
