"""A small Hugging Face hub on localhost, for lessons and tests about reaching one: it serves directories as models.

It speaks what huggingface_hub asks of a hub when a model is loaded: HEAD and GET of /REPO/resolve/REVISION/FILE, with
ETag, X-Repo-Commit and byte ranges, and of /api/models/REPO and its file tree; and it refuses with the status and
X-Error-Code of the real one. Of weights in Xet storage it says, as a mirror does, that another server has them.
"""

import hashlib
import json
import threading
import time
from collections.abc import Collection, Mapping
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit


class Hub(ThreadingHTTPServer):
    """A hub at `url` that runs in a thread until the block (`with Hub(...) as hub`) or the process ends.

    `repositories`: directory of each id "owner/name". `gated`: the token that opens it, of each gated id. `cut`: ids
    whose weights break off in the middle of every download. `xet`: the server that has the weights, of each id whose
    weights lie in Xet storage. `log` holds (method, path, status) of each request.
    """

    daemon_threads = True

    def __init__(
        self,
        repositories: Mapping[str, Path],
        gated: Mapping[str, str] | None = None,
        cut: Collection[str] = (),
        xet: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.repositories, self.gated, self.cut = dict(repositories), dict(gated or {}), set(cut)
        self.xet = dict(xet or {})
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        self.log: list[tuple[str, str, int]] = []
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def __exit__(self, *_) -> None:
        self.shutdown()
        self.server_close()


@cache
def etag(path: Path) -> str:
    """The SHA-256 of the file, by which a hub's clients know its content."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def commit(directory: Path) -> str:
    """A commit id, 40 hexadecimal digits, that changes with the directory's content."""
    names = "".join(f"{path.name} {etag(path)}\n" for path in sorted(directory.iterdir()) if path.is_file())
    return hashlib.sha1(names.encode()).hexdigest()


class Handler(BaseHTTPRequestHandler):
    """One request to a `Hub`."""

    server: Hub

    def do_HEAD(self) -> None:
        self.answer()

    def do_GET(self) -> None:
        self.answer()

    def log_message(self, format: str, *arguments) -> None:
        """Nothing on stderr: the hub's log has it."""

    def answer(self) -> None:
        parts = unquote(urlsplit(self.path).path).strip("/").split("/")
        is_api = parts[:2] == ["api", "models"]
        name, rest = "/".join(parts[2:4] if is_api else parts[:2]), parts[4:] if is_api else parts[2:]
        directory = self.server.repositories.get(name)
        token = (self.headers.get("Authorization") or "").removeprefix("Bearer ")
        if directory is None:  # a hub does not tell a stranger whether a private repository is there
            self.refuse(404 if token else 401, "RepoNotFound", "Invalid username or password.")
        elif is_api:
            self.describe(name, directory, rest)
        elif name in self.server.gated and token != self.server.gated[name]:
            self.refuse(403 if token else 401, "GatedRepo", f"Access to model {name} is restricted.")
        elif len(rest) < 3 or rest[1] not in ("main", commit(directory)):
            self.refuse(404, "RevisionNotFound", "Invalid rev id")
        else:
            self.send_file(name, directory, "/".join(rest[2:]))

    def describe(self, name: str, directory: Path, rest: list[str]) -> None:
        """The model's card in JSON, or its list of files when the address goes on with tree/REVISION."""
        files = [path for path in sorted(directory.iterdir()) if path.is_file()]
        if rest[:1] == ["xet-read-token"] and name in self.server.xet:
            token = {"X-Xet-Access-Token": "a-token", "X-Xet-Token-Expiration": str(int(time.time()) + 3600)}
            self.reply(200, b"", {**token, "X-Xet-Cas-Url": self.server.xet[name], "Content-Length": "0"})
        elif not rest or rest[0] == "revision":
            siblings = [{"rfilename": path.name} for path in files]
            card = {"id": name, "sha": commit(directory), "private": False, "tags": [], "siblings": siblings}
            self.send_json({**card, "gated": "manual" if name in self.server.gated else False})
        elif rest[0] == "tree" and len(rest) == 2:
            self.send_json(
                [{"type": "file", "path": path.name, "size": path.stat().st_size, "oid": etag(path)} for path in files]
            )
        else:
            self.refuse(404, "EntryNotFound", "Not found")

    def send_file(self, name: str, directory: Path, filename: str) -> None:
        """A file from the first byte of the wanted range on; half of it when the repository's weights are cut."""
        path = directory / filename
        if not path.resolve().is_relative_to(directory.resolve()) or not path.is_file():
            self.refuse(404, "EntryNotFound", "Entry not found", {"X-Repo-Commit": commit(directory)})
            return
        content = path.read_bytes()
        wanted = self.headers.get("Range", "")
        start = int(wanted.removeprefix("bytes=").partition("-")[0]) if wanted else 0
        headers = {"ETag": f'"{etag(path)}"', "X-Repo-Commit": commit(directory), "Accept-Ranges": "bytes"}
        if wanted:
            headers["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
        if name in self.server.xet and path.suffix == ".safetensors":
            route = f"{self.server.url}/api/models/{name}/xet-read-token/{commit(directory)}"
            headers |= {"X-Xet-Hash": etag(path), "X-Xet-Refresh-Route": route}
        body = content[start:]
        sent = body[: len(body) // 2] if name in self.server.cut and path.suffix == ".safetensors" else body
        self.reply(206 if wanted else 200, sent, {**headers, "Content-Length": str(len(body))})

    def send_json(self, content) -> None:
        body = json.dumps(content).encode()
        self.reply(200, body, {"Content-Type": "application/json", "Content-Length": str(len(body))})

    def refuse(self, status: int, code: str, message: str, headers: Mapping[str, str] | None = None) -> None:
        error = {"X-Error-Code": code, "X-Error-Message": message, "Content-Length": "0"}
        self.reply(status, b"", {**error, **(headers or {})})

    def reply(self, status: int, body: bytes, headers: Mapping[str, str]) -> None:
        self.server.log.append((self.command, self.path, status))
        self.send_response(status)
        for header, value in headers.items():
            self.send_header(header, value)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)
