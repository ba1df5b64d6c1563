"""The latent factor model: user and target vectors in one space, ranked by a cosine-softmax."""
