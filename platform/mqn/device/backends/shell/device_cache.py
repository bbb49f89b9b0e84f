"""Files on a device, kept by their hash between passes: a model travels once.

Hashes are checked before every pass: a push may have been cut, and untrusted models ran beside the files.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from pathlib import Path

from mqn.device.backends.local.isolation import KillSwitch
from mqn.device.backends.shell.shell import Shell, quote
from mqn.errors import DeviceRefusedError

LIMIT_BYTES = 512 * 1024 * 1024
FORGOTTEN_MINUTES = 30
"""Older folders of passes are not in use: a pass takes at most 10 minutes (`mqn.device.wire.MAX_TIMEOUT_SECONDS`)."""


class DeviceCache:
    """The folder that a shell works in: `cache/` with files by hash, `pass-*/` of one pass each."""

    def __init__(self, shell: Shell, limit_bytes: int = LIMIT_BYTES) -> None:
        """Use a shell's folder; beyond the limit the files that were not used for longest are dropped."""
        self._shell, self._limit = shell, limit_bytes
        self._left: set[str] = set()

    def provide(self, files: Mapping[str, Path], switch: KillSwitch | None = None) -> None:
        """See to it that files are on the device, by their SHA-256; a switch ends it early from another thread."""
        missing = self._find_missing(list(files), switch)
        if not missing:
            return
        self._drop_old(list(files), sum(files[sha256].stat().st_size for sha256 in missing))
        for sha256 in missing:
            target = f"{self._shell.home}/cache/{sha256}"
            part = f"{target}.{secrets.token_hex(4)}.part"
            self._shell.push(files[sha256], part, switch)
            self._expect(f"chmod 700 {part} && mv -f {part} {target}", "cannot be filled")
        if missing := self._find_missing(missing, switch):
            raise DeviceRefusedError(f"{self._shell.address}: {len(missing)} files arrived damaged; see to its disk")

    def open_folder(self) -> str:
        """Make a folder for a pass, and remove older ones that are left. Returns its path for the device's `sh`."""
        folder = f"{self._shell.home}/pass-{secrets.token_hex(6)}"
        for left in tuple(self._left):
            self.end_folder(left)
        self._expect(
            f"umask 077; find {self._shell.home} -maxdepth 1 -name 'pass-*' -mmin +{FORGOTTEN_MINUTES} "
            f"-exec rm -rf {{}} + 2>/dev/null; mkdir -p {folder}",
            "cannot be worked in",
        )
        self._left.add(folder)
        return folder

    def forget_folder(self, folder: str) -> None:
        """Take note that a pass removed its folder itself."""
        self._left.discard(folder)

    def end_folder(self, folder: str) -> None:
        """Kill what runs in a pass's folder, and remove it; where the device is away, a later `open_folder` does.

        The device may be away, and the caller has waited already: this is given little time.
        """
        script = f"{KILL.format(folder=folder)}; rm -rf {folder}"
        self._shell.run(script, timeout_seconds=5, grace_seconds=5)
        self._left.discard(folder)

    def _find_missing(self, hashes: list[str], switch: KillSwitch | None) -> list[str]:
        names = quote(*hashes)
        answer = self._shell.run(
            f"umask 077; mkdir -p {self._shell.home}/cache && cd {self._shell.home}/cache || exit 1; "
            f"for name in {names}; do sum=$(sha256sum $name 2>/dev/null); "
            'if [ "${sum%% *}" = $name ]; then touch $name; else echo $name; fi; done',
            timeout_seconds=120,
            switch=switch,
        )
        if answer.exit_code != 0:
            raise DeviceRefusedError(f"{self._shell.address}: {self._shell.home} cannot be made: {answer.last_words}")
        said = answer.output.decode("ascii", errors="replace").split()
        return [name for name in hashes if name in said]

    def _drop_old(self, needed: list[str], coming: int) -> None:
        # Newest first; what this pass needs stays whatever it weighs.
        self._expect(
            f"cd {self._shell.home}/cache || exit 1; total={coming}; for name in $(ls -t); do "
            "size=$(wc -c < $name); total=$((total + size)); "
            f'case " {" ".join(needed)} " in *" $name "*) continue;; esac; '
            f"if [ $total -gt {self._limit} ]; then rm -f $name; fi; done; true",
            "cannot be tidied",
        )

    def _expect(self, script: str, what: str) -> None:
        answer = self._shell.run(script)
        if answer.exit_code != 0:
            words = answer.last_words or f"exit code {answer.exit_code}"
            raise DeviceRefusedError(f"{self._shell.address}: {self._shell.home} {what}: {words}")


# A process number may have been reused, so only a group whose leader works in the folder is killed.
KILL = (
    "if read -r group < {folder}/group 2>/dev/null; then "
    'case "$(readlink /proc/$group/cwd)" in */"$(basename {folder})"*) kill -s KILL -- -$group 2>/dev/null;; esac; fi'
)
