"""What decoders of all kinds share: quiet libraries, sizes, orientation, colour profiles, notes."""
