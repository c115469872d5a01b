"""What Amazon Web Services ask of a client, beside the protocols that others speak too."""
