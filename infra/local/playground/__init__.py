"""A local web page that shows where an answer comes from and what an edited note invalidates."""
