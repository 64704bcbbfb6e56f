"""A stand-in for the HTTP API of the Hugging Face hub: models and data sets in folders, downloads, and commits."""

import base64
import hashlib
import json
import os
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlparse

import yaml

REVISION = "0123456789abcdef0123456789abcdef01234567"


def environment_for(address: str, home: Path) -> dict[str, str]:
    """The environment of a process that takes the stand-in for the hub, with a cache of its own."""
    ours = {"HF_ENDPOINT": address, "HF_HOME": str(home), "HF_HUB_DISABLE_XET": "1", "HF_TOKEN": "hf_test"}
    return {**os.environ, **ours, "HF_HUB_DISABLE_TELEMETRY": "1", "HF_HUB_DISABLE_PROGRESS_BARS": "1"}


class Hub(BaseHTTPRequestHandler):
    """root: has models/OWNER/NAME/... and datasets/OWNER/NAME/... log: (method, path) of each request."""

    protocol_version = "HTTP/1.1"
    root: Path
    log: list[tuple[str, str]]

    def do_GET(self) -> None:
        path = self._logged()
        if path.startswith("/api/"):
            kind, owner, name, *rest = path.removeprefix("/api/").split("/")
            folder = self.root / kind / owner / name
            if not folder.is_dir():
                self._answer(404, {"error": "Repository not found"}, {"X-Error-Code": "RepoNotFound"})
            elif rest[:1] == ["tree"]:
                self._answer(200, [self._entry(folder, file) for file in self._files(folder)])
            else:
                self._answer(200, self._info(folder, f"{owner}/{name}"))
            return
        kind = "datasets" if path.startswith("/datasets/") else "models"
        owner, name, _, _, *file = path.removeprefix("/datasets").strip("/").split("/")
        self._send_file(self.root / kind / owner / name / "/".join(file))

    do_HEAD = do_GET

    def do_POST(self) -> None:
        path = self._logged()
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if path == "/api/repos/create":
            wanted = json.loads(body)
            name = f"{wanted.get('organization') or 'me'}/{wanted['name']}"
            (self.root / "models" / name).mkdir(parents=True, exist_ok=True)
            self._answer(200, {"url": f"http://{self.headers['Host']}/{name}"})
            self.log.append(
                ("private" if wanted.get("private") or wanted.get("visibility") == "private" else "public", name)
            )
        elif path == "/api/validate-yaml":
            self._answer(200, {"errors": [], "warnings": []})
        elif path.endswith(f"/paths-info/{REVISION}"):
            kind, owner, name = path.removeprefix("/api/").split("/")[:3]
            folder = self.root / kind / owner / name
            asked = [file.strip("/") for file in _paths_of(body, self.headers["Content-Type"])]
            self._answer(200, [self._entry(folder, file) for file in asked if (folder / file).is_file()])
        elif "/preupload/" in path:
            files = [
                {"path": file["path"], "uploadMode": "regular", "shouldIgnore": False}
                for file in json.loads(body)["files"]
            ]
            self._answer(200, {"files": files})
        elif "/commit/" in path:
            self._commit(path, body)
        else:
            self._answer(404, {"error": path})

    def _commit(self, path: str, body: bytes) -> None:
        owner, name = path.removeprefix("/api/models/").split("/")[:2]
        for line in map(json.loads, body.decode().splitlines()):
            if line["key"] == "file":
                target = self.root / "models" / owner / name / line["value"]["path"]
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(base64.b64decode(line["value"]["content"]))
        self._answer(
            200, {"commitUrl": f"http://{self.headers['Host']}/{owner}/{name}/commit/{REVISION}", "commitOid": REVISION}
        )

    def _logged(self) -> str:
        path = unquote(urlparse(self.path).path)
        self.log.append((self.command, path))
        return path

    def _files(self, folder: Path) -> list[str]:
        return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())

    def _info(self, folder: Path, name: str) -> dict:
        card = (folder / "README.md").read_text() if (folder / "README.md").exists() else ""
        front = yaml.safe_load(card.split("---\n")[1]) if card.startswith("---\n") else None
        siblings = [{"rfilename": file} for file in self._files(folder)]
        return {"id": name, "sha": REVISION, "siblings": siblings, "cardData": front, "private": False, "tags": []}

    def _entry(self, folder: Path, file: str) -> dict:
        content = (folder / file).read_bytes()
        return {"type": "file", "path": file, "size": len(content), "oid": hashlib.sha1(content).hexdigest()}

    def _send_file(self, path: Path) -> None:
        if not path.is_file():
            self._answer(404, {"error": "Entry not found"}, {"X-Error-Code": "EntryNotFound"})
            return
        content = path.read_bytes()
        tags = {"ETag": f'"{hashlib.sha1(content).hexdigest()}"', "X-Repo-Commit": REVISION, "Accept-Ranges": "bytes"}
        wanted = self.headers.get("Range")
        if wanted:
            first, _, last = wanted.removeprefix("bytes=").partition("-")
            whole, content = len(content), content[int(first) : int(last) + 1 if last else None]
            tags["Content-Range"] = f"bytes {first}-{int(first) + len(content) - 1}/{whole}"
        self._answer(206 if wanted else 200, content, tags)

    def _answer(self, status: int, body: object, headers: dict[str, str] | None = None) -> None:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        for key, value in {"Content-Length": str(len(content)), **(headers or {})}.items():
            self.send_header(key, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def log_message(self, *_) -> None:
        pass


def _paths_of(body: bytes, kind: str) -> list[str]:
    """The paths of a question, as JSON or as a form, by the version of huggingface_hub."""
    found = json.loads(body)["paths"] if "json" in kind else parse_qs(body.decode())["paths"]
    return [found] if isinstance(found, str) else found


@contextmanager
def hub(root: Path):
    """Serve the repositories below a folder. Yields: (address, log of requests)."""
    handler = type("ThisHub", (Hub,), {"root": root, "log": []})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", handler.log
    finally:
        server.shutdown()
        server.server_close()
