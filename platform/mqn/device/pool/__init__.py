"""The pool of devices: chosen, leased, tried again, set aside while they are away."""
