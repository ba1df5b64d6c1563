"""After the fit: events are logged (``events``), targets and users learn from them, targets are added (``grow``)."""
