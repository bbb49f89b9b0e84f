"""The range that MQN's output reaches: sigmoid(input + tanh(..)), the input in [0, 1]."""

from __future__ import annotations

import math

TANH_LIMIT = 0.95
"""How far towards 1 the network's tanh is asked to go."""

REACHABLE = (1 / (1 + math.exp(TANH_LIMIT)), 1 / (1 + math.exp(-1 - TANH_LIMIT)))
"""What code values 0 and 1 become: sigmoid(0 - 0.95) = 0.279 and sigmoid(1 + 0.95) = 0.875."""
