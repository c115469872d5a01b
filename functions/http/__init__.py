"""HTTP layer of all functions: middleware, problem documents, OpenAPI, request bodies."""
