"""A board without an agent, through OpenSSH's client.

The user's own `~/.ssh/config` counts, so that keys, jump hosts and names are said where people say them;
`$MQN_SSH_CONFIG` names another file. There are no prompts: a host whose key is not known is refused.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from mqn.device.backends.shell.shell import Shell, quote
from mqn.errors import MissingLibraryError, UsageError
from mqn.net.sockets import for_ssh

# Neither a user nor a host begins like an option, and neither holds what a shell reads.
_TARGET = re.compile(
    r"(?:(?P<user>[\w.][\w.+-]*)@)?(?P<host>\[[0-9A-Fa-f:.]+(?:%[\w.-]+)?\]|[^\W_][\w.-]*)(?::(?P<port>[0-9]{1,5}))?"
)
LEAVE_SECONDS = 10


class SshShell(Shell):
    """A shell on a host, `ssh:[USER@]HOST[:PORT]`; one connection serves all commands."""

    kind = "ssh"
    refusals = ("Permission denied", "Host key verification failed", "Too many authentication failures")

    def __init__(self, target: str, folder: Path) -> None:
        """Check target and client; `folder` on this machine is for what comes back.

        Raises:
            UsageError: the target is not `[USER@]HOST[:PORT]`, an IPv6 address in brackets.
            MissingLibraryError: there is no `ssh` on this machine.
        """
        match = _TARGET.fullmatch(target)
        if match is None or int(match["port"] or 22) > 65535:
            raise UsageError(
                f"ssh:{target} must be ssh:[USER@]HOST[:PORT], for example ssh:pi@board.local, or ssh:pi@[fe80::1]:22"
            )
        client = shutil.which("ssh")
        if client is None:
            raise MissingLibraryError("there is no 'ssh' on this machine; install OpenSSH's client (openssh-client)")
        super().__init__(f"ssh:{target}", '"$HOME"/.cache/mqn-device', folder)
        self._sockets = for_ssh()
        options = {
            "BatchMode": "yes",
            "StrictHostKeyChecking": "yes",
            "ConnectTimeout": "10",
            # 45 s without a sign: a network that is cut for 30 s is no loss.
            "ServerAliveInterval": "15",
            "ServerAliveCountMax": "3",
            "ControlMaster": "auto",
            "ControlPath": str(self._sockets / "%C"),
            "ControlPersist": "120",
            "LogLevel": "ERROR",
        }
        config = os.environ.get("MQN_SSH_CONFIG")
        self._client = [client, *(("-F", config) if config else ()), "-T"]
        for name, value in options.items():
            self._client += ["-o", f"{name}={value}"]
        self._client += ["-l", match["user"]] if match["user"] else []
        self._client += ["-p", match["port"]] if match["port"] else []
        self._host = match["host"].strip("[]")

    def command(self, script: str) -> Sequence[str]:
        """The local command that runs a script there, by `sh` whatever the user's own shell is."""
        return [*self._client, "--", self._host, quote("sh", "-c", script)]

    def reconnect(self) -> bool:
        """Drop a shared connection that died without saying so."""
        return self._leave()

    def close(self) -> None:
        """End the shared connection."""
        self._leave()
        shutil.rmtree(self._sockets, ignore_errors=True)

    def _leave(self) -> bool:
        """End the shared connection; False where there is none."""
        shared = any(self._sockets.glob("*"))
        if shared:
            command = [*self._client, "-O", "exit", "--", self._host]
            # A shared connection that does not even answer us is forgotten; it ends by itself (`ControlPersist`).
            with contextlib.suppress(subprocess.TimeoutExpired):
                subprocess.run(command, capture_output=True, timeout=LEAVE_SECONDS, check=False)
            for socket in self._sockets.glob("*"):
                socket.unlink(missing_ok=True)
        return shared
