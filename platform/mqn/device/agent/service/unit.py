"""The service that keeps an agent running on a board with systemd."""

from __future__ import annotations

UNIT_FILE = "mqn-agent.service"
SERVICE_USER = "mqn-agent"
SERVICE_FOLDER = "/var/lib/mqn-agent"
PROGRAM = "/opt/mqn/bin/mqn"
# What systemd waits beyond the agent's own patience with the job that runs.
STOP_MARGIN_SECONDS = 15


def service_unit(drain_seconds: float) -> str:
    """The text of the unit.

    Args:
        drain_seconds: how long the agent lets the running job go on once it is asked to end.
    """
    # MemoryDenyWriteExecute would keep delegates from generating code, PrivateDevices a GPU or a phone's USB from them.
    return f"""\
# {UNIT_FILE}, written by: mqn agent init
[Unit]
Description=mqn device agent
Documentation=man:systemd.exec(5)
Wants=network-online.target
After=network-online.target

[Service]
ExecStart={PROGRAM} agent serve --config {SERVICE_FOLDER}
User={SERVICE_USER}
StateDirectory={SERVICE_USER}
StateDirectoryMode=0700
WorkingDirectory={SERVICE_FOLDER}
Environment=HOME={SERVICE_FOLDER} MQN_HOME={SERVICE_FOLDER}/home
UMask=0077
Restart=on-failure
RestartSec=5
# The first signal lets the running job end; what waits stays on disk.
TimeoutStopSec={drain_seconds + STOP_MARGIN_SECONDS:.0f}
KillMode=mixed

NoNewPrivileges=yes
CapabilityBoundingSet=
AmbientCapabilities=
ProtectSystem=strict
ProtectHome=yes
PrivateTmp=yes
# The lock that keeps two agents of one machine from measuring at once.
ReadWritePaths=-/run/lock
ProtectClock=yes
ProtectControlGroups=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
LockPersonality=yes
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX
RestrictRealtime=yes
RestrictSUIDSGID=yes
SystemCallArchitectures=native

[Install]
WantedBy=multi-user.target
"""
