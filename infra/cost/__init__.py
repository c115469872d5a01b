"""What a month costs, with Tercet and without, from prices and assumptions that are inputs."""
