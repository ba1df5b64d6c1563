"""The model, from a catalog graph and interactions to rankings.

The main path: ``propagation`` (target features) and ``text`` (embeddings), ``factors`` (of users and sold targets),
``prior`` (factors predicted for all targets), ``calibration`` (probabilities), ``model`` (all of it together).
``training`` chooses the settings on folds of ``validation``; ``online`` updates a model by events, ``retrieval`` finds
and explains, ``serving`` holds and saves it; ``evaluation`` compares it with baselines, ``parallel`` spreads work.
"""
