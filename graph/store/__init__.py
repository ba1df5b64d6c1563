"""The graph store: a connection over Bolt, the refresh that writes differences, queries, the embedded server."""
