"""One folder a noun; a domain meets another only through its `public` module and events."""
