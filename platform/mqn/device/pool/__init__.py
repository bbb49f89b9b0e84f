"""The devices of a profile: chosen, leased, tried again, set aside while they are away."""
