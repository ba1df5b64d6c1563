"""Changes of a fitted model: targets added, events observed, users forgotten."""
