"""Kernel log text in, oopses out."""
