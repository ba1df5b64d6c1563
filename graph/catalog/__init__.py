"""The catalog graph: what it is made of, how it is built, checked, hashed, derived and extended."""
