"""Code in a bundle that runs its model outside this project: Python, C++, an Android app."""
