"""Presigned URLs: AWS Signature Version 4 in the query string.

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
_EMPTY_BODY_HASH = hashlib.sha256(b"").hexdigest()


def presign(
    host: str,
    query: dict[str, str],
    *,
    service: str,
    region: str,
    credentials: "Credentials",
    signed_at: float,
    expires_in: int,
) -> str:
    """Sign a GET request for `https://<host>/?<query>` and return its URL without the scheme.

    Args:
        host: the host.
        query: query parameters, in the order of the URL.
        service: service name of the signature's scope.
        region: AWS region of the signature's scope.
        credentials: the credentials to sign with.
        signed_at: time of the signature, in seconds since 1970.
        expires_in: validity, in seconds.
    """
    time = datetime.fromtimestamp(signed_at, UTC).strftime("%Y%m%dT%H%M%SZ")
    scope = f"{time[:8]}/{region}/{service}/aws4_request"
    signature_query = {
        "X-Amz-Algorithm": _ALGORITHM,
        "X-Amz-Credential": f"{credentials.key_id}/{scope}",
        "X-Amz-Date": time,
        "X-Amz-Expires": str(expires_in),
        "X-Amz-SignedHeaders": "host",
    }
    if credentials.session_token:
        signature_query["X-Amz-Security-Token"] = credentials.session_token
    pairs = [
        f"{quote(name, safe='')}={quote(value, safe='')}"
        for name, value in (query | signature_query).items()
    ]
    request = f"GET\n/\n{'&'.join(sorted(pairs))}\nhost:{host}\n\nhost\n{_EMPTY_BODY_HASH}"
    digest = hashlib.sha256(request.encode()).hexdigest()
    key = f"AWS4{credentials.secret}".encode()
    for part in (*scope.split("/"), f"{_ALGORITHM}\n{time}\n{scope}\n{digest}"):
        key = hmac.digest(key, part.encode(), "sha256")
    return f"{host}/?{'&'.join(pairs)}&X-Amz-Signature={key.hex()}"
