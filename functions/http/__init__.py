"""What the apps of all functions share: middleware, problem documents, OpenAPI, request bodies."""
