"""`edge status`: how the device does, for a person in front of it."""
