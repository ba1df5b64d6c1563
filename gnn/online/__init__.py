"""After the fit: events are logged, targets and users learn from them, new targets are added."""
