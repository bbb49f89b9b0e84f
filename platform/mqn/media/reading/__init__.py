"""What a video file holds beside its pictures: what its container states, how it is timed and shown, what is lost."""
