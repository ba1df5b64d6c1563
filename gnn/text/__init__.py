"""Texts as embeddings (``encoder``, ``static``, ``catalog``), and their clusters as an attribute (``clusters``)."""
