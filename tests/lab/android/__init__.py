"""The Android sample of a bundle, compiled and run as far as that goes without an Android SDK."""
