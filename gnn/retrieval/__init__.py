"""Finding and explaining targets and users in a fitted model."""
