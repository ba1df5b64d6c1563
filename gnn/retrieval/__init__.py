"""Finding and explaining targets and users in a fitted model.

``topk`` ranks targets for many users, ``diversity`` re-ranks one list; ``similarity`` compares targets, ``text_search``
matches a text, ``profile`` turns matches into a user vector; ``attribution`` splits a score into additive parts,
``privacy`` adds noise to released vectors.
"""
