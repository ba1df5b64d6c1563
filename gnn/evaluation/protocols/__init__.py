"""The evaluation protocols: how targets are hidden and how methods are judged."""
