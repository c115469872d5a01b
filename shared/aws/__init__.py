"""Amazon Web Services: credentials, request signing, Secrets Manager and SQS."""
