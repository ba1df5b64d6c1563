"""Texts as vectors: encoders with an on-disk cache, and clusters of like texts."""
