"""What drives a device: this machine, a phone behind adb, a board behind SSH; one contract for all."""
