"""A small simulated cluster, and what fails on it, as TOML."""

from __future__ import annotations

PROFILE = """
[ray]
training_cpus = 1.0
[storage]
study = "sqlite:///{home}/simulated.db"
artifacts = "{home}/simulated-artifacts"
[tracking]
uri = ""
[simulate]
nodes = 4
node_cpus = 4
devices = 5
[simulate.seconds]
train = { median = 600.0, spread = 0.3 }
convert = { median = 6.0, spread = 0.2 }
quantize = { median = 8.0, spread = 0.3 }
score = { median = 20.0, spread = 0.2 }
measure = { median = 30.0, spread = 0.2 }
"""

FAILURES = """
[simulate.failures]
candidate = 0.1
worker = 0.05
disturbed = 0.05
nodes = { every_hours = 0.5, seconds = 120.0 }
devices = { every_hours = 0.5, seconds = 60.0 }
database = { every_hours = 0.2, seconds = 10.0 }
storage = { every_hours = 0.2, seconds = 60.0 }
"""

SPACE = """
name = "small"
sampler = "random"
trials = 12
[[objectives]]
metric = "psnr_tm"
[[objectives]]
metric = "latency_ms"
[fixed]
"arch.encoder_weights" = "random"
"training.lambda_features" = 0.0
"training.epochs" = 4
[dimensions."arch.attention"]
choices = ["none", "sa", "csa", "ca"]
[dimensions."arch.decoder_width"]
low = 0.5
high = 2.0
[dimensions."plan.backbone"]
choices = ["static_wi8_ai8", "dynamic_wi8_afp32", "float32"]
[expansion]
dimensions = ["plan.backbone"]
"""
