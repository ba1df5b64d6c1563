"""Methods compared on the same splits by the same metrics."""
