"""Everything in one container, for any engine that runs one."""
