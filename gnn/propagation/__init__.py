"""The graph network: messages along typed relations make the features of every target."""
