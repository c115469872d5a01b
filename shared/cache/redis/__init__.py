"""Redis client: time-outs, circuit breaker, cluster, authentication, TLS."""
