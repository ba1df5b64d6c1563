"""Kernel regression: the factors of sold targets carried to new ones along target features."""
