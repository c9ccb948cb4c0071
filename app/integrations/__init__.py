"""One folder a kind of outside service: the port, a client a vendor, and our sandbox of it."""
