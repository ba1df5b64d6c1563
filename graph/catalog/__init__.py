"""The catalog graph: its parts, and how it is built, checked, hashed, derived and extended."""
