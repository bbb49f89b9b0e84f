"""Reads a video file's statements: colours, timing, orientation, lost parts."""
