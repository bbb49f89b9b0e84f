"""SingleHDR, a peer: what the camera did to the picture is undone, one step after the other."""
