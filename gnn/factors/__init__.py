"""The conventional model: implicit-feedback ALS factors of users and targets, and the update of one target.

``settings``, then ``als``, which fits both sides and solves them exactly by ``solve``; ``popularity`` is the logit of
the share of buyers. ``update`` is the ALS step of a target with its prior as the mean, for known sales and for events
after the fit.
"""
