"""Amazon Web Services: credentials, Secrets Manager and SQS."""
