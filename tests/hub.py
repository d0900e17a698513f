"""A Hugging Face Hub for tests: tiny checkpoints in several revisions, as a cache on disk and as a server."""

import hashlib
import json
import re
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import huggingface_hub
import pytest
import torch
from huggingface_hub import constants
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedTokenizerFast

Revisions = Mapping[str, Path]  # a folder of files by branch

TOKENS = 257  # a token for each byte, and the end of a text
ROWS = 264
CONTEXT = 64
LARGE = (".safetensors", ".bin")  # what the Hub keeps as large files
SETTINGS: Mapping[str, Mapping[str, Any]] = {
    "opt": {"ffn_dim": 32, "word_embed_proj_dim": 16},
    "gpt_neox": {"intermediate_size": 32},
    "llama": {"intermediate_size": 32, "num_key_value_heads": 2},
}
SHARED = {
    "vocab_size": ROWS,
    "hidden_size": 16,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "max_position_embeddings": CONTEXT,
}


def save_tokenizer(folder: Path, *, end: str = "<|endoftext|>") -> None:
    """A tokenizer that takes any text byte by byte."""
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    engine = Tokenizer(models.BPE({letter: number for number, letter in enumerate([end, *letters])}, []))
    engine.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    engine.decoder = decoders.ByteLevel()
    PreTrainedTokenizerFast(tokenizer_object=engine, eos_token=end).save_pretrained(folder)


def save_checkpoint(
    folder: Path, architecture: str, *, seed: int, tokenizer: bool = True, **settings: Any
) -> Path:
    """A Hugging Face folder with a tiny random model, and a README as every repository has."""
    configuration = AutoConfig.for_model(architecture, **{**SHARED, **SETTINGS[architecture], **settings})
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        AutoModelForCausalLM.from_config(configuration).save_pretrained(folder)
    if tokenizer:
        save_tokenizer(folder)
    (folder / "README.md").write_text("A tiny model.\n", encoding="utf-8")
    return folder


def save_revisions(
    root: Path, architecture: str, *, steps: Sequence[int], pattern: str = "step{step}", **settings: Any
) -> dict[str, Path]:
    """A checkpoint for each step by the name of its revision; `main` is the last one."""
    saved = {
        pattern.format(step=step): save_checkpoint(root / str(step), architecture, seed=step, **settings)
        for step in steps
    }
    return {**saved, "main": saved[pattern.format(step=steps[-1])]}


def commit_of(folder: Path) -> str:
    """A commit's hash, from the names and bytes of all its files."""
    digest = hashlib.sha1(usedforsecurity=False)
    for path in _files(folder):
        digest.update(path.relative_to(folder).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def etag_of(path: Path) -> str:
    """By which the Hub names a file's content: SHA-256 of large files, git's hash of the others."""
    content = path.read_bytes()
    if path.suffix in LARGE:
        return hashlib.sha256(content).hexdigest()
    return hashlib.sha1(f"blob {len(content)}\0".encode() + content, usedforsecurity=False).hexdigest()


def make_cache(cache: Path, repository: str, revisions: Revisions) -> Path:
    """Fill a cache as the client does, and return the repository's folder in it."""
    storage = cache / f"models--{repository.replace('/', '--')}"
    for name, folder in revisions.items():
        commit = commit_of(folder)
        _write(storage / "refs" / name, commit.encode())
        for path in _files(folder):
            blob, link = storage / "blobs" / etag_of(path), storage / "snapshots" / commit / path.name
            _write(blob, path.read_bytes())
            link.parent.mkdir(parents=True, exist_ok=True)
            if not link.is_symlink():
                link.symlink_to(Path("../../blobs", blob.name))
    return storage


@dataclass
class Hub:
    """What the server holds and how it behaves; tests change it while it runs.

    Attributes:
        repositories: Revisions by owner/name.
        gated: Names of repositories that need permission.
        busy: So many questions are refused as one too many.
        cut: Bytes of a large file after which the connection is closed, once.
        stall: Bytes of a large file after which nothing more comes, until the server stops.
        requests: What was asked for: method and path.
        sent: Bytes of large files that were sent, by path.
    """

    repositories: dict[str, dict[str, Path]]
    gated: set[str] = field(default_factory=set)
    busy: int = 0
    cut: int | None = None
    stall: int | None = None
    requests: list[tuple[str, str]] = field(default_factory=list)
    sent: list[tuple[int, int]] = field(default_factory=list)
    url: str = ""
    stalled: threading.Event = field(default_factory=threading.Event)
    stopped: threading.Event = field(default_factory=threading.Event)

    def asked(self, method: str, part: str) -> int:
        """How many requests of a method had this in their path."""
        return sum(each == method and part in path for each, path in self.requests)

    def folder(self, repository: str, revision: str) -> Path | None:
        """Of a branch or commit."""
        branches = self.repositories[repository]
        commits = {commit_of(folder): folder for folder in branches.values()}
        return branches.get(revision) or commits.get(revision)

    def large(self, digest: str) -> bytes | None:
        """The large file with this hash."""
        folders = (folder for branches in self.repositories.values() for folder in branches.values())
        files = (path for folder in folders for path in _files(folder) if path.suffix in LARGE)
        return next((path.read_bytes() for path in files if etag_of(path) == digest), None)


@contextmanager
def serve(repositories: dict[str, dict[str, Path]]) -> Iterator[Hub]:
    """A server on loopback that answers as the Hub does; its address is `url`."""
    hub = Hub(repositories)
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"hub": hub}))
    server.daemon_threads = True
    hub.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield hub
    finally:
        hub.stopped.set()
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def connected(cache: Path, *, endpoint: str | None = None) -> Iterator[None]:
    """This process with another cache and Hub than the environment says; offline without an endpoint."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(constants, "HF_HUB_CACHE", str(cache))
        patch.setattr(constants, "HF_HUB_OFFLINE", endpoint is None)
        if endpoint is not None:
            patch.setattr(constants, "ENDPOINT", endpoint)
            template = f"{endpoint}/{{repo_id}}/resolve/{{revision}}/{{filename}}"
            patch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
        try:
            yield
        finally:
            huggingface_hub.close_session()


class _Handler(BaseHTTPRequestHandler):
    hub: Hub
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._answer()

    def do_HEAD(self) -> None:
        self._answer()

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def _answer(self) -> None:
        path = unquote(urlsplit(self.path).path)
        self.hub.requests.append((self.command, path))
        if match := re.fullmatch(r"/large/(\w+)", path):
            self._send_large(match[1])
        elif match := re.fullmatch(r"/api/models/([^/]+/[^/]+)/(revision|refs)/?(.*)", path):
            self._answer_api(*match.groups())
        elif match := re.fullmatch(r"/([^/]+/[^/]+)/resolve/([^/]+)/(.*)", path):
            self._resolve(*match.groups())
        else:
            self._fail(404, "EntryNotFound")

    def _answer_api(self, repository: str, what: str, revision: str) -> None:
        if self.hub.busy > 0:
            self.hub.busy -= 1
            self._fail(429, "TooManyRequests", **{"Retry-After": "0"})
            return
        if not self._may_read(repository):
            return
        if what == "refs":
            branches = self.hub.repositories[repository].items()
            refs = [{"name": n, "ref": f"refs/heads/{n}", "targetCommit": commit_of(f)} for n, f in branches]
            self._send_json({"branches": refs, "converts": [], "tags": []})
        elif folder := self.hub.folder(repository, revision):
            siblings = [_sibling(path, folder) for path in _files(folder)]
            self._send_json({"id": repository, "sha": commit_of(folder), "siblings": siblings})
        else:
            self._fail(404, "RevisionNotFound")

    def _resolve(self, repository: str, revision: str, name: str) -> None:
        if not self._may_read(repository, gate=True):
            return
        folder = self.hub.folder(repository, revision)
        path = None if folder is None else folder / name
        if folder is None:
            self._fail(404, "RevisionNotFound")
        elif path is None or not path.is_file():
            self._fail(404, "EntryNotFound", **{"X-Repo-Commit": commit_of(folder)})
        elif path.suffix in LARGE:
            etag = etag_of(path)
            linked = {"X-Linked-Etag": f'"{etag}"', "X-Linked-Size": str(path.stat().st_size)}
            # As on the real Hub large files lie on another host, to which the client only goes for them.
            elsewhere = self.hub.url.replace("127.0.0.1", "localhost")
            place = {"Location": f"{elsewhere}/large/{etag}", "X-Repo-Commit": commit_of(folder)}
            self._send(302, b"", **linked, **place)
        else:
            own = {"ETag": f'"{etag_of(path)}"', "X-Repo-Commit": commit_of(folder)}
            self._send(200, path.read_bytes(), **own)

    def _send_large(self, digest: str) -> None:
        content = self.hub.large(digest)
        if content is None:
            self._fail(404, "EntryNotFound")
            return
        wanted = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range") or "bytes=0-")
        first = int(wanted[1]) if wanted else 0
        self.send_response(206 if first else 200)
        self.send_header("ETag", f'"{digest}"')
        self.send_header("Content-Length", str(len(content) - first))
        if first:
            self.send_header("Content-Range", f"bytes {first}-{len(content) - 1}/{len(content)}")
        self.end_headers()
        if self.command == "GET":
            self._send_from(content, first)

    def _send_from(self, content: bytes, first: int) -> None:
        limit = self.hub.cut or self.hub.stall or len(content)
        self.hub.sent.append((first, len(content[first:limit])))
        self.wfile.write(content[first:limit])
        self.wfile.flush()
        if self.hub.stall is not None:
            self.hub.stalled.set()
            self.hub.stopped.wait()
        self.close_connection = limit < len(content)
        self.hub.cut = None

    def _may_read(self, repository: str, *, gate: bool = False) -> bool:
        if repository not in self.hub.repositories:
            self._fail(401, "RepoNotFound")
            return False
        if gate and repository in self.hub.gated:
            self._fail(403, "GatedRepo")
            return False
        return True

    def _send_json(self, content: object) -> None:
        self._send(200, json.dumps(content).encode(), **{"Content-Type": "application/json"})

    def _fail(self, status: int, code: str, **headers: str) -> None:
        self._send(status, b"", **{"X-Error-Code": code, "X-Error-Message": code, **headers})

    def _send(self, status: int, content: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(content)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(content)


def _sibling(path: Path, folder: Path) -> dict[str, Any]:
    size, etag = path.stat().st_size, etag_of(path)
    plain = {"rfilename": path.relative_to(folder).as_posix(), "size": size}
    if path.suffix in LARGE:
        return {**plain, "blobId": "0" * 40, "lfs": {"sha256": etag, "size": size, "pointerSize": 134}}
    return {**plain, "blobId": etag}


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
