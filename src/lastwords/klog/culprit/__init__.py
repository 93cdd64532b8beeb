"""Whom a report points at."""
