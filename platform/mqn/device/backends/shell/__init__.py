"""Devices behind a shell: adb, SSH, our C runner on them."""
