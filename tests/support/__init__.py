"""What tests share: servers, notebooks, methods with fixed settings, parts of real catalogs."""
