"""After the fit: what is learned since, what comes in, what is looked for, and why."""
