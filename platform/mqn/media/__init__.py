"""Models on real media: pictures, folders and video, LDR in and HDR out."""
