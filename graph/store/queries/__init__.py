"""Named Cypher queries: the commented files that ship with the package, and what reads them."""
