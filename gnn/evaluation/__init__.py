"""Every method on the same splits: protocols, baselines, metrics over seeds, and paired comparisons."""
