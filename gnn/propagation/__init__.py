"""The graph network: messages along typed relations become the features of every target (start with ``propagate``)."""
