"""Why a user is shown a target: exact shares, sentences, and paths through the graph."""
