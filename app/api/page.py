"""The page at `/` and the files that it loads: read once at the start, open to all, since they hold no data.

What the page shows it asks of the same interface as everybody else, with the key where one is set.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from fastapi import APIRouter, Request, Response
from starlette.exceptions import HTTPException

WEB = Path(__file__).resolve().parents[1] / "web"
# What is served, by its ending; anything else in the folder is not.
MEDIA_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".gz": "application/gzip",
    ".md": "text/plain; charset=utf-8",
}
# Scripts, styles and requests of this origin alone, none of them inline; no text ever becomes markup (trusted types).
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)
# Kept by browsers, and asked about each time: a new version of the service is a new page.
CACHE_CONTROL = "no-cache"


@dataclass(frozen=True)
class File:
    """One file as it is sent."""

    content: bytes
    media_type: str
    etag: str

    @classmethod
    def read(cls, path: Path) -> "File":
        content = path.read_bytes()
        return cls(content, MEDIA_TYPES[path.suffix], f'"{hashlib.sha256(content).hexdigest()[:32]}"')

    def response(self, if_none_match: str | None) -> Response:
        """304 without a body where the browser has this very file."""
        headers = {"ETag": self.etag, "Cache-Control": CACHE_CONTROL, "Content-Security-Policy": POLICY}
        known = [etag.strip().removeprefix("W/") for etag in (if_none_match or "").split(",")]
        if self.etag in known or known == ["*"]:
            return Response(status_code=304, headers=headers)
        return Response(self.content, headers=headers, media_type=self.media_type)


def read_files(folder: Path) -> dict[str, File]:
    """The files of `folder` that are served, by name."""
    return {path.name: File.read(path) for path in sorted(folder.iterdir()) if path.suffix in MEDIA_TYPES}


def router(folder: Path = WEB) -> APIRouter:
    """Routes over the files as they are now. A request is looked up by name, and never becomes a path."""
    files = read_files(folder)
    routes = APIRouter(include_in_schema=False)

    @routes.get("/")
    async def page(request: Request) -> Response:
        return files["index.html"].response(request.headers.get("if-none-match"))

    @routes.get("/web/{name}")
    async def file(request: Request, name: str) -> Response:
        if name not in files:
            raise HTTPException(404, "there is no such file")
        return files[name].response(request.headers.get("if-none-match"))

    return routes
