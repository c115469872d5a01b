"""`python -m infra.openapi`: print the OpenAPI document of the whole API, to generate a client."""

import argparse
import json
import sys

from functions.ask import app as ask
from functions.http import health_route
from functions.http.app_factory import build_app
from functions.invalidate import app as invalidate
from functions.notes import app as notes
from functions.stats import app as stats
from infra.exit_codes import exit_on_error
from shared.container import Container
from shared.settings import Settings


def build_document() -> dict[str, object]:
    """Return the document of every function, with bearer tokens and the notes."""
    issuer = "https://issuer.example"  # it is not in the document
    settings = Settings(
        notes_api=True, jwks_url=f"{issuer}/keys", auth_issuer=issuer, auth_audience="tercet"
    )
    container = Container(settings)
    parts = (ask, invalidate, notes, stats, health_route)
    return build_app(container, *(part.build_routes(container) for part in parts)).openapi()


if __name__ == "__main__":
    argparse.ArgumentParser("python -m infra.openapi", description=__doc__).parse_args()
    with exit_on_error("cannot print the document"):
        json.dump(build_document(), sys.stdout, indent=2)
        sys.stdout.write("\n")
