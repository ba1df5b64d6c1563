"""The conventional model: implicit-feedback ALS factors (``als``, ``solve``) and the update of targets (``update``)."""
