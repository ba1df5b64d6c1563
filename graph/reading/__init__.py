"""Tables of any kind, read as the schema beside them says or as their cells suggest."""
