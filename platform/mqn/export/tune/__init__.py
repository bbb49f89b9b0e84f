"""Networks that learn to live with a plan: pruning and quantization-aware fine-tuning."""
