"""What runs on the device, in a process of its own: `python -m mqn.device.bench` carries out one pass."""
