"""After the fit: events are logged, targets and users learn from them, new targets are added.

``events`` is the log; ``relearn`` updates targets with it, ``fold_in`` users; ``grow`` adds targets to a model.
"""
