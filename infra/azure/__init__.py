"""Tercet on Azure Functions."""
