"""What a target is made of: phi, propagated through the catalog graph."""
