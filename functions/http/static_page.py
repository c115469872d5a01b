"""Pages: the files of a folder, put into one that loads nothing else."""

import re
from base64 import b64encode
from hashlib import sha256
from pathlib import Path

from starlette.responses import HTMLResponse

BASE = Path(__file__).with_name("base.css")
"""What all pages look like; a page links to it as if it lay beside it."""

_STYLE = re.compile(r'<link rel="stylesheet" href="([a-z]+\.css)">')
_SCRIPT = re.compile(r'<script src="([a-z]+\.js)"></script>')


class StaticPage:
    """One page, whole in itself; `replacing` changes its markup here and there.

    The headers let a browser run what is in it, ask this very server, and do nothing else.
    https://www.w3.org/TR/CSP3/
    """

    def __init__(self, folder: Path, replacing: "dict[str, str] | None" = None) -> None:
        """Read `index.html` of a folder, and what it links to."""
        self._folder = folder
        html = (folder / "index.html").read_text(encoding="utf-8")
        styles, scripts = _STYLE.findall(html), _SCRIPT.findall(html)
        html = _STYLE.sub(lambda found: f"<style>{self._read(found[1])}</style>", html)
        html = _SCRIPT.sub(lambda found: f"<script>{self._read(found[1])}</script>", html)
        for before, after in (replacing or {}).items():
            html = html.replace(before, after)
        self._html = html
        policy = {
            "default-src": "'none'",
            "script-src": " ".join(map(self._digest, scripts)),
            "style-src": " ".join(map(self._digest, styles)),
            "img-src": "data:",  # its icon
            "connect-src": "'self'",
            "base-uri": "'none'",
            "form-action": "'none'",
            "frame-ancestors": "'none'",
            # Text that the script inserts can never become markup.
            "require-trusted-types-for": "'script'",
            "trusted-types": "'none'",
        }
        self._headers = {
            "Content-Security-Policy": "; ".join(f"{name} {what}" for name, what in policy.items()),
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "no-referrer",
            "Cross-Origin-Opener-Policy": "same-origin",
            "Cross-Origin-Resource-Policy": "same-origin",
            "Cache-Control": "no-cache",
        }

    def response(self) -> HTMLResponse:
        """Serve it."""
        return HTMLResponse(self._html, headers=self._headers)

    def _read(self, name: str) -> str:
        file = BASE if name == BASE.name else self._folder / name
        return file.read_text(encoding="utf-8")

    def _digest(self, name: str) -> str:
        return f"'sha256-{b64encode(sha256(self._read(name).encode()).digest()).decode()}'"
