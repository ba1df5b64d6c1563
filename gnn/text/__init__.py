"""Texts as embeddings: ``encoder`` (sentence-transformers with a cache), ``static`` (its fast distilled counterpart).

``catalog`` encodes the texts and names of a catalog, ``clusters`` turns embeddings into an attribute for catalogs
without a taxonomy.
"""
