"""What the libraries say when something is wrong: the messages of their raise statements and warnings.

    python -m tools.wordings --cache DIR [LIBRARY ...]   every message of the releases below, one JSON line each
    python -m tools.wordings --cache DIR --update        writes data/catalogue/messages.jsonl anew: first, last release

Releases are downloaded into DIR, never installed, never imported: messages are read from the syntax tree. `{}` stands
for what is filled in at run time.
"""

import argparse
import ast
import json
import re
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from helpers import DATA
from helpers.errors import InputError
from helpers.files import load_jsonl, write_jsonl

MESSAGES = DATA / "catalogue" / "messages.jsonl"
# About one release a half-year, from 2023 to the second half of 2026.
RELEASES = {
    "transformers": "4.27.4 4.31.0 4.36.2 4.41.2 4.46.3 4.49.0 4.52.4 4.57.6 5.3.0 5.13.0 5.23.0",
    "peft": "0.2.0 0.4.0 0.7.1 0.10.0 0.12.0 0.14.0 0.15.2 0.17.1 0.19.1 0.21.2",
    "trl": "0.4.7 0.7.4 0.8.6 0.11.4 0.13.0 0.15.2 0.19.1 0.24.0 0.29.1 1.6.0 1.16.0",
    "accelerate": "0.18.0 0.21.0 0.25.0 0.29.3 0.34.2 1.2.1 1.6.0 1.10.1 1.13.0 1.15.0",
    "bitsandbytes": "0.37.2 0.39.1 0.41.3 0.43.3 0.45.5 0.47.0 0.49.2 0.50.2",
    "datasets": "2.10.1 2.13.2 2.16.1 2.19.2 3.0.2 3.2.0 3.6.0 4.1.1 4.5.0 4.8.5 5.2.0",
    "huggingface_hub": "0.13.4 0.16.4 0.20.3 0.23.5 0.26.5 0.30.2 0.34.6 0.36.2 1.5.0 1.20.1 2.4.0",
    "safetensors": "0.3.3 0.4.5 0.5.3 0.7.0 0.8.0",
    "tokenizers": "0.13.3 0.15.2 0.19.1 0.21.4 0.23.3",
    "llamafactory": "0.7.1 0.8.3 0.9.1 0.9.3 0.9.5",
    "ms-swift": "1.7.3 2.2.5 2.6.1 3.1.1 3.5.3 3.9.3 4.0.4 4.6.0",
    "axolotl": "0.5.2 0.7.0 0.9.2 0.12.2 0.16.1 0.19.0",
    "unsloth": "2024.8 2024.12.12 2025.3.19 2025.8.10 2026.1.4 2026.6.9 2026.10.9",
    "unsloth_zoo": "2024.12.7 2025.3.17 2025.8.9 2026.1.4 2026.6.7 2026.10.9",
}
# Models' own files say the same thing hundreds of times; tests and examples are not what a user meets.
LEFT_ALONE = re.compile(
    r"(^|/)(tests?|test_utils|examples?|benchmarks?|docs?|research|studio|mlx|_vendored)/"
    r"|transformers/models/(?!auto/)|huggingface_hub/(inference|cli|commands)/"
)
PYTHONS = ("3.11", "3.10", "3.9")  # old wheels are for old Pythons
SAME = {"EnvironmentError": "OSError", "IOError": "OSError"}  # as Python prints them
LOGGED = {"warn", "warning", "warning_once", "warning_rank0", "warning_rank0_once", "error", "critical"}
HOLE = "{}"
MOST_LOOKED_UP = 3  # names within names
SHORT = 40  # characters; a shorter text is a value, not a part of a message
LONGEST = 160  # characters of a message that are stored
MOST_VARIANTS = 8  # of one message that is put together from alternatives


@dataclass(frozen=True)
class Message:
    """One message: `type` is the exception's class, or `warning`; `at` is file:line in its package."""

    type: str
    text: str
    at: str


class Texts:
    """Turns expressions into the texts that they can be, with names looked up in the function, then in the module."""

    def __init__(self, names: Mapping[str, list[ast.expr]], constants: Mapping[str, str]):
        self.names, self.constants = names, constants

    def of(self, node: ast.expr, looked_up: int = 0) -> list[str]:
        """All texts of an expression; an unknown one is a hole."""
        match node:
            case ast.Constant(value=str(text)):
                return [text]
            case ast.JoinedStr(values=values):
                return joined([self.of(value, looked_up) for value in values])
            case ast.FormattedValue(value=ast.Name() as name):
                return [text if len(text) > SHORT else HOLE for text in self.of(name, looked_up)]
            case ast.BinOp(left=left, op=ast.Add(), right=right):
                return joined([self.of(left, looked_up), self.of(right, looked_up)])
            case ast.BinOp(left=left, op=ast.Mod()):
                return [re.sub(r"%(\(\w+\))?[-.\d]*[sdrif]", HOLE, text) for text in self.of(left, looked_up)]
            case ast.IfExp(body=body, orelse=orelse):
                return list(dict.fromkeys(self.of(body, looked_up) + self.of(orelse, looked_up)))
            case ast.Call(func=ast.Attribute(value=value, attr="format")):
                return [re.sub(r"\{[^{}]*\}", HOLE, text) for text in self.of(value, looked_up)]
            case ast.Call(func=ast.Attribute(value=value, attr="strip" | "lstrip" | "rstrip" | "replace")):
                return self.of(value, looked_up)
            case ast.Call(func=ast.Attribute(attr="join"), args=[ast.List() | ast.Tuple() as parts]):
                return joined([self.of(part, looked_up) for part in parts.elts])
            case ast.Name(id=name) | ast.Attribute(attr=name):
                return self.named(name, looked_up)
        return [HOLE]

    def named(self, name: str, looked_up: int) -> list[str]:
        """The texts that a name stands for: what the function sets it to, else the module's constant."""
        if name not in self.names:
            return [self.constants.get(name, HOLE)]
        if looked_up == MOST_LOOKED_UP:
            return [HOLE]
        # Not itself again: `text = text + more` would have no end.
        others = Texts({key: told for key, told in self.names.items() if key != name}, self.constants)
        found = [text for value in self.names[name][:MOST_VARIANTS] for text in others.of(value, looked_up + 1)]
        return list(dict.fromkeys(found))[:MOST_VARIANTS]


def joined(pieces: list[list[str]]) -> list[str]:
    """Every way to put the pieces' alternatives together, the first few."""
    texts = [""]
    for alternatives in pieces:
        texts = [text + more for text in texts for more in alternatives][:MOST_VARIANTS]
    return texts


def plain(text: str) -> str:
    """One line, single spaces, neighbouring holes made one."""
    return re.sub(r"(\{\}\s*)+\{\}", HOLE, " ".join(text.split())).strip()


def constants(tree: ast.Module) -> dict[str, str]:
    """The module's own texts, by name."""
    found = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
            text = Texts({}, found).of(node.value)[0]
            if len(text) > SHORT:
                found[node.targets[0].id] = text
    return found


def assigned(function: ast.AST) -> dict[str, list[ast.expr]]:
    """What each local name of a function is set to; `name += more` makes a sum."""
    names: dict[str, list[ast.expr]] = {}
    for node in ast.walk(function):
        if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
            names.setdefault(node.targets[0].id, []).append(node.value)
        elif isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name):
            before = names.get(node.target.id)
            if before and isinstance(node.op, ast.Add):
                before.append(ast.BinOp(before[-1], ast.Add(), node.value))
    return names


def messages(source: str, at: str, known: Mapping[str, str] | None = None) -> Iterator[Message]:
    """The messages of one file. `known` are texts that other modules of the package define. SyntaxError as in ast."""
    tree = ast.parse(source)
    texts = {**(known or {}), **constants(tree)}
    yield from within(tree, Texts({}, texts), at)


def within(node: ast.AST, texts: Texts, at: str) -> Iterator[Message]:
    """The messages below a node; each function looks its own names up first."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
            yield from within(child, Texts({**texts.names, **assigned(child)}, texts.constants), at)
            continue
        place = f"{at}:{getattr(child, 'lineno', 0)}"
        match child:
            case ast.Raise(exc=ast.Call(func=ast.Name(id=made), args=[ast.Name() as kind, told, *_])) if (
                not made.strip("_")[0].isupper() and kind.id[0].isupper()  # raise make(SomeError, message)
            ):
                yield from (Message(name(kind), text, place) for text in told_texts(told, texts))
            case ast.Raise(exc=ast.Call(func=func, args=args, keywords=keywords)):
                told = args[0] if args else next((k.value for k in keywords if k.arg in ("message", "msg")), None)
                yield from (Message(name(func), text, place) for text in told_texts(told, texts))
            case ast.Raise(exc=ast.Name() | ast.Attribute() as exc) if name(exc)[0].isupper():
                yield Message(name(exc), "", place)
            case ast.Assert(msg=ast.expr() as msg):
                yield from (Message("AssertionError", text, place) for text in told_texts(msg, texts))
            case ast.Call(func=ast.Attribute(attr=attr) as func, args=[first, *_]) if attr in LOGGED:
                kind = "error" if attr in ("error", "critical") else "warning"
                yield from (Message(kind, text, place) for text in told_texts(first, texts) if text != HOLE)
        yield from within(child, texts, at)


def told_texts(told: ast.expr | None, texts: Texts) -> list[str]:
    """The texts of a message; empty where there is none."""
    return list(dict.fromkeys(plain(text) for text in texts.of(told))) if told is not None else [""]


def name(node: ast.expr) -> str:
    """The bare name of a class or function."""
    bare = node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "Exception")
    return SAME.get(bare, bare)


def package_messages(files: Mapping[str, str]) -> Iterator[Message]:
    """The messages of a package, given as path to source; files that this Python cannot parse are passed over."""
    shared: dict[str, str] = {}
    for source in files.values():
        if re.search(r"^[A-Z_]{4,} = ", source, re.MULTILINE):
            try:
                shared |= {key: text for key, text in constants(ast.parse(source)).items() if key.isupper()}
            except SyntaxError:
                continue
    for path, source in files.items():
        try:
            yield from messages(source, path, shared)
        except SyntaxError:
            continue


def archive(library: str, release: str, cache: Path) -> Path:
    """The wheel of a release, or its source archive, downloaded into `cache` once. InputError when there is neither."""
    folder = cache / f"{library}-{release}"
    ways = [["--only-binary=:all:", "--python-version", python] for python in PYTHONS] + [["--no-binary=:all:"]]
    for way in ways:
        if not downloaded(folder):
            asked = ["--quiet", "--no-deps", "--dest", str(folder), *way, f"{library}=={release}"]
            subprocess.run([sys.executable, "-m", "pip", "download", *asked], capture_output=True)
    if not downloaded(folder):
        raise InputError(f"cannot download {library} {release}: is it on the index? See RELEASES in tools/wordings.py")
    return downloaded(folder)[-1]


def downloaded(folder: Path) -> list[Path]:
    """The archives in a folder, a wheel last."""
    return sorted(folder.glob("*.tar.gz")) + sorted(folder.glob("*.whl"))


def sources(path: Path) -> dict[str, str]:
    """Path to source of the Python files in an archive."""
    if path.suffix == ".whl":
        with zipfile.ZipFile(path) as wheel:
            read = {name: wheel.read(name) for name in wheel.namelist() if wanted(name)}
    else:
        with tarfile.open(path) as source:
            found = [member for member in source if member.isfile() and wanted(member.name)]
            read = {member.name.partition("/")[2]: source.extractfile(member).read() for member in found}
    return {name.removeprefix("src/"): content.decode("utf-8", errors="replace") for name, content in read.items()}


def wanted(path: str) -> bool:
    """Whether a file is Python that a user's run may come by."""
    return path.endswith(".py") and not LEFT_ALONE.search(path)


def installed(library: str, places: re.Pattern) -> dict[str, str]:
    """Path to source of the files of the installed release whose path begins as `places` says."""
    files = [file for file in metadata.files(library) or () if wanted(str(file)) and places.match(str(file))]
    return {str(file): Path(file.locate()).read_text(encoding="utf-8", errors="replace") for file in files}


def collect(library: str, cache: Path) -> dict[tuple[str, str], dict]:
    """(type, text) to first and last release that have it, and where in the last."""
    found: dict[tuple[str, str], dict] = {}
    for release in RELEASES[library].split():
        for message in package_messages(sources(archive(library, release, cache))):
            entry = found.setdefault((message.type, message.text), {"first": release})
            entry.update(last=release, at=message.at)
    return found


def update(rows: list[dict], cache: Path) -> list[dict]:
    """The rows with first and last release as the sources have them; a row's message is the beginning of the source's.

    InputError names a message that no release has.
    """
    spans: dict[tuple[str, str], list[str]] = {}
    for library in {row["library"] for row in rows}:
        for (_, text), entry in collect(library, cache).items():
            spans.setdefault((library, text[:LONGEST].rstrip()), []).extend((entry["first"], entry["last"]))
    fresh = []
    for row in rows:
        releases = spans.get((row["library"], row["message"]))
        if releases is None:
            raise InputError(f"no release of {row['library']} says: {row['message']}")
        order = RELEASES[row["library"]].split().index
        fresh.append({**row, "first": min(releases, key=order), "last": max(releases, key=order)})
    return fresh


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("libraries", nargs="*", metavar="LIBRARY", help=f"of {', '.join(RELEASES)}; default: all")
    parser.add_argument("--cache", type=Path, required=True, help="the folder for wheels, outside the repository")
    parser.add_argument("--update", action="store_true", help=f"bring {MESSAGES.name} in line")
    options = parser.parse_args()
    if unknown := set(options.libraries) - set(RELEASES):
        parser.error(f"not among the libraries: {', '.join(sorted(unknown))}")
    if options.update:
        write_jsonl(MESSAGES, update(load_jsonl(MESSAGES), options.cache))
        return
    for library in options.libraries or RELEASES:
        for (kind, text), entry in collect(library, options.cache).items():
            print(json.dumps({"library": library, "type": kind, "message": text, **entry}, ensure_ascii=False))


if __name__ == "__main__":
    main()
