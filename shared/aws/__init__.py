"""Amazon Web Services: credentials, Secrets Manager and boto3 clients."""
