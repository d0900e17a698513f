"""Typed reading of params.yaml: only stages, compose and provenance do it."""

from trajectories.config.read import ConfigurationError, read, values

__all__ = ["ConfigurationError", "read", "values"]
