"""What an evaluation compares: newaisle, the baselines, and the registry that names them."""
