"""The sampler `frontier`: draws the training whose plans together promise the largest gain for its cost."""
