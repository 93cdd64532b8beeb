"""Structs in, text for people or machines out."""
