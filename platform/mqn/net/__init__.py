"""Addresses, sockets and databases that are reached over them."""
