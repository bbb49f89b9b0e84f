"""MQN, the paper's network."""
