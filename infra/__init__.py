"""Where Tercet runs: clouds, containers, one's own machine."""
