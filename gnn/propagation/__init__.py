"""The graph network: messages along typed relations become the features of every target.

Read ``propagate`` first: it turns a catalog into ``FeatureBlocks`` (``features``) and the ``FeatureSchema``
(``schema``) by which later targets get the same columns. ``relations`` computes the blocks one by one on a ``Subgraph``
(``subgraph``), ``message_passing`` is the PyTorch Geometric layer below them.
"""
