"""The conventional model: implicit-feedback ALS factors of users and targets, and the update of one target."""
