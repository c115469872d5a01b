"""Note store on PostgreSQL with pgvector."""
