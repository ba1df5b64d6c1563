"""A shop's own sales on a catalog that comes without any."""
