"""What a fitted model knows, and its folder on disk. Imports neither torch nor an encoder."""
