"""How good a picture is: every accuracy measure by name, and the protocol that scores a predictor (see README.md)."""
