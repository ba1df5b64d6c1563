"""Finding and explaining: top-k search, similarity, text search, diverse lists, attribution, private vectors."""
