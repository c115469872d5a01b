"""Single-file HTML pages with a strict Content-Security-Policy."""

import re
from base64 import b64encode
from hashlib import sha256
from pathlib import Path

from starlette.responses import HTMLResponse

_BASE = Path(__file__).parent
_SHARED = {"base.css", "base.js"}  # files of all pages; each links to them as if in its own folder

_STYLE = re.compile(r'<link rel="stylesheet" href="([a-z]+\.css)">')
_SCRIPT = re.compile(r'<script src="([a-z]+\.js)"></script>')


class StaticPage:
    """An `index.html` with its style sheets and scripts inlined.

    The policy allows exactly these scripts, and requests to this server only.
    https://www.w3.org/TR/CSP3/
    """

    def __init__(self, folder: Path, replacements: "dict[str, str] | None" = None) -> None:
        """Read the files of a folder; `replacements` maps markup to what replaces it."""
        self._folder = folder
        html = (folder / "index.html").read_text(encoding="utf-8")
        styles, scripts = _STYLE.findall(html), _SCRIPT.findall(html)
        html = _STYLE.sub(lambda link: f"<style>{self._read(link[1])}</style>", html)
        html = _SCRIPT.sub(lambda link: f"<script>{self._read(link[1])}</script>", html)
        for before, after in (replacements or {}).items():
            html = html.replace(before, after)
        self._html = html
        policy = {
            "default-src": "'none'",
            "script-src": " ".join(map(self._csp_hash, scripts)),
            "style-src": " ".join(map(self._csp_hash, styles)),
            "img-src": "data:",  # the icon
            "connect-src": "'self'",
            "base-uri": "'none'",
            "form-action": "'none'",
            "frame-ancestors": "'none'",
            # Scripts cannot turn text into markup.
            "require-trusted-types-for": "'script'",
            "trusted-types": "'none'",
        }
        self._headers = {
            "Content-Security-Policy": "; ".join(f"{name} {rule}" for name, rule in policy.items()),
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "no-referrer",
            "Cross-Origin-Opener-Policy": "same-origin",
            "Cross-Origin-Resource-Policy": "same-origin",
            "Cache-Control": "no-cache",
        }

    def response(self) -> HTMLResponse:
        """Build the HTTP response."""
        return HTMLResponse(self._html, headers=self._headers)

    def _read(self, name: str) -> str:
        folder = _BASE if name in _SHARED else self._folder
        return (folder / name).read_text(encoding="utf-8")

    def _csp_hash(self, name: str) -> str:
        return f"'sha256-{b64encode(sha256(self._read(name).encode()).digest()).decode()}'"
