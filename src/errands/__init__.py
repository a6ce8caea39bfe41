"""Errands: tasks for AI agents that run unattended, survive crashes and keep a record."""

__version__ = "0.1.0"
