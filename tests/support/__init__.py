"""What tests of every noun stand on."""
