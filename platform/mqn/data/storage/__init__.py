"""Where prepared datasets lie: blobs, catalogue, parts on their way, copies behind URLs."""
