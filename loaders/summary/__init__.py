"""What a loaded source contains, how it was read, and what its owner should look at first."""
