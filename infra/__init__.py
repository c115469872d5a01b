"""Entry points for clouds, containers and the local machine."""
