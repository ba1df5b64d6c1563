"""The latent factor model: user and target vectors in one space, ranked by a cosine-softmax.

``cosine_softmax`` is the score, ``settings`` all numbers beside data and seed, ``model`` puts factors, prior, update
and calibration together.
"""
