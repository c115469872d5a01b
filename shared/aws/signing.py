"""Presigned addresses: AWS Signature Version 4, in the query.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
"""

import hashlib
import hmac
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import quote

if TYPE_CHECKING:
    from shared.aws.credentials import Credentials

_ALGORITHM = "AWS4-HMAC-SHA256"
_NO_BODY = hashlib.sha256(b"").hexdigest()


def presign(
    host: str,
    query: dict[str, str],
    *,
    service: str,
    region: str,
    credentials: "Credentials",
    at: float,
    valid: int,
) -> str:
    """Sign a GET of `https://<host>/?<query>`; give the address without its scheme.

    Args:
        host: whom it is for.
        query: what it asks, in the order that it has in the address.
        service: the service's name, as signatures spell it.
        region: where it is.
        credentials: whose request it is.
        at: when it is made, in seconds since 1970.
        valid: for how many seconds it may be used.
    """
    time = datetime.fromtimestamp(at, UTC).strftime("%Y%m%dT%H%M%SZ")
    scope = f"{time[:8]}/{region}/{service}/aws4_request"
    signed = {
        "X-Amz-Algorithm": _ALGORITHM,
        "X-Amz-Credential": f"{credentials.key_id}/{scope}",
        "X-Amz-Date": time,
        "X-Amz-Expires": str(valid),
        "X-Amz-SignedHeaders": "host",
    }
    if credentials.session_token:
        signed["X-Amz-Security-Token"] = credentials.session_token
    pairs = [f"{quote(k, safe='')}={quote(v, safe='')}" for k, v in (query | signed).items()]
    request = f"GET\n/\n{'&'.join(sorted(pairs))}\nhost:{host}\n\nhost\n{_NO_BODY}"
    digest = hashlib.sha256(request.encode()).hexdigest()
    key = f"AWS4{credentials.secret}".encode()
    for part in (*scope.split("/"), f"{_ALGORITHM}\n{time}\n{scope}\n{digest}"):
        key = hmac.digest(key, part.encode(), "sha256")
    return f"{host}/?{'&'.join(pairs)}&X-Amz-Signature={key.hex()}"
