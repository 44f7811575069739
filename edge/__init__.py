"""Counts road users on the box beside the camera and tells the city's operations centre over MQTT."""

__version__ = "0.1.0"
