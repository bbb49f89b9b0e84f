from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from pathlib import Path
from typing import Any

import pytest

from mqn.device.backends.local import isolation
from mqn.device.backends.local.confinement import VARIABLES, Confinement, confinement
from mqn.device.backends.local.isolation import TOKEN_VARIABLE, KillSwitch, run_isolated
from mqn.device.wire import Guard
from mqn.errors import DeviceAwayError

pytestmark = pytest.mark.integration  # Processes are shut in by the kernel.


def run(folder: Path, code: str, *, timeout: float = 20, switch: KillSwitch | None = None):
    return run_isolated(folder, timeout, switch or KillSwitch(), [sys.executable, "-S", "-c", code])


def test_a_command_that_ends_well(tmp_path: Path) -> None:
    ending = run(tmp_path, "open('left', 'w').write('x')")
    assert (ending.returncode, ending.timed_out) == (0, False)
    assert (tmp_path / "left").read_text() == "x"


def test_last_words_are_kept(tmp_path: Path) -> None:
    ending = run(tmp_path, "raise ValueError('no good')")
    assert ending.description == "exit code 1: ValueError: no good"


@pytest.mark.parametrize("name", ["SIGSEGV", "SIGKILL", "SIGABRT"])
def test_a_signal_is_a_result(tmp_path: Path, name: str) -> None:
    ending = run(tmp_path, f"import os, signal; os.kill(os.getpid(), signal.{name})")
    assert ending.returncode < 0
    assert not ending.timed_out
    assert ending.description == f"killed by {name}"


def test_time_over(tmp_path: Path) -> None:
    ending = run(tmp_path, "import time; time.sleep(60)", timeout=0.2)
    assert ending.timed_out


def test_a_pulled_switch_ends_it_early(tmp_path: Path) -> None:
    switch = KillSwitch()
    threading.Timer(0.2, switch.pull).start()
    ending = run(tmp_path, "import time; time.sleep(60)", switch=switch)
    assert (ending.timed_out, ending.description) == (False, "killed by SIGKILL")


def test_a_switch_pulled_before_ends_it_at_once(tmp_path: Path) -> None:
    switch = KillSwitch()
    switch.pull()
    assert run(tmp_path, "import time; time.sleep(60)", switch=switch).description == "killed by SIGKILL"


needs_linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux shuts a pass in")
HOLDS = {guard.name for guard in confinement().describe().guards if guard.holds}


def needs(*guards: str) -> pytest.MarkDecorator:
    missing = [name for name in guards if name not in HOLDS]
    return pytest.mark.skipif(bool(missing), reason=f"this machine does not keep a pass from: {missing}")


def living(marker: str) -> list[str]:
    """Processes that carry a word in their command and are no zombies."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            dead = (folder / "stat").read_text().rpartition(")")[2].split()[0] in "ZX"
            if marker.encode() in (folder / "cmdline").read_bytes() and not dead:
                found.append(folder.name)
    return found


def told(folder: Path, code: str, **options: Any) -> Any:
    """What hostile code found out, which it leaves as JSON."""
    ending = run(folder, f"import json, os\nfound = {{}}\n{code}\njson.dump(found, open('found', 'w'))", **options)
    assert ending.returncode == 0, ending.description
    return json.loads((folder / "found").read_text())


@needs_linux
def test_secrets_in_the_environment_stay_with_the_agent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (TOKEN_VARIABLE, "AWS_SECRET_ACCESS_KEY", "PGPASSWORD", "SSH_AUTH_SOCK"):
        monkeypatch.setenv(name, "do-not-tell")
    found = told(tmp_path, "found = dict(os.environ)")
    assert "do-not-tell" not in found.values()
    assert set(found) <= {*VARIABLES, "HOME", "TMPDIR", "LC_CTYPE"}
    assert found["HOME"] == found["TMPDIR"] == str(tmp_path)


SNOOP = """
import ctypes, glob
for path in glob.glob('/proc/[0-9]*/environ') + ['/proc/AGENT/mem', '/proc/AGENT/fd/0', '/proc/AGENT/cwd']:
    try:
        mine = '/%d/' % os.getpid() in path or os.path.samefile(os.path.dirname(path), '/proc/self')
        data = os.readlink(path) if path[-1] in '0d' else open(path, 'rb').read(9000).decode('latin-1')
        found[path] = data if not mine else ''
    except OSError:
        pass
libc = ctypes.CDLL(None)
found['ptrace'] = libc.ptrace(16, AGENT, 0, 0)
try:
    os.kill(AGENT, 0)
    found['kill'] = 0
except OSError:
    found['kill'] = -1
"""


@needs("files")
def test_the_agent_is_neither_read_nor_traced_nor_signalled(tmp_path: Path) -> None:
    found = told(tmp_path, SNOOP.replace("AGENT", str(os.getpid())))
    assert (found.pop("ptrace"), found.pop("kill")) == (-1, -1)
    assert not any(found.values())


@needs("network")
def test_nothing_can_be_reached(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        code = f"""
import socket
for address in (('127.0.0.1', {listener.getsockname()[1]}), ('192.0.2.1', 80)):
    try:
        socket.create_connection(address, 2)
        found[address[0]] = 'reached'
    except OSError as error:
        found[address[0]] = 'refused'
try:
    socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('127.0.0.1', 9))
    found['udp'] = 'sent'
except OSError:
    found['udp'] = 'refused'
"""
        assert set(told(tmp_path, code).values()) == {"refused"}


@needs("sockets")
def test_services_of_this_machine_are_not_reached_by_their_sockets(tmp_path: Path) -> None:
    with tempfile.TemporaryDirectory(dir="/tmp") as folder, socket.socket(socket.AF_UNIX) as service:
        path = Path(folder) / "service"
        service.bind(str(path))
        service.listen()
        path.chmod(0o777)
        path.parent.chmod(0o777)
        code = f"""
import socket
try:
    socket.socket(socket.AF_UNIX).connect({str(path)!r})
    found['unix'] = 'reached'
except OSError:
    found['unix'] = 'refused'
for folder in ('/run', '/tmp'):
    try:
        found[folder] = os.listdir(folder)
    except OSError:
        found[folder] = []
"""
        found = told(tmp_path, code)
    assert found["unix"] == "refused"
    assert found["/run"] == []


@needs("files")
def test_files_of_the_agent_are_neither_read_nor_written(tmp_path: Path) -> None:
    state, work = tmp_path / "state", tmp_path / "pass"
    for folder in (state, work):
        folder.mkdir()
    token = state / "tokens.json"
    token.write_text("secret")
    token.chmod(0o644)
    work.chmod(0o755)
    tmp_path.chmod(0o755)
    code = f"""
def attempt(name, do):
    try:
        do()
        found[name] = 'done'
    except OSError:
        found[name] = 'refused'
attempt('read', lambda: open({str(token)!r}).read())
attempt('write', lambda: open({str(token)!r}, 'w'))
attempt('new', lambda: open({str(state / "new")!r}, 'w'))
attempt('list', lambda: os.listdir({str(state)!r}))
attempt('remove', lambda: os.remove({str(token)!r}))
attempt('above', lambda: open('../above', 'w'))
attempt('tmp', lambda: open('/tmp/mqn-hostile', 'w'))
attempt('home', lambda: open({str(Path.home() / ".profile")!r}).read())
attempt('link', lambda: os.symlink({str(token)!r}, 'link'))
attempt('folder', lambda: os.mkdir('deep'))
"""
    assert set(told(work, code).values()) == {"refused"}
    assert token.read_text() == "secret"


@needs_linux
def test_a_pass_tells_the_kernel_what_concerns_itself(tmp_path: Path) -> None:
    code = """
open('/proc/self/oom_score_adj', 'w').write('777')
found = open('/proc/self/oom_score_adj').read()
try:
    open('/proc/self/clear_refs', 'w').write('5')
except PermissionError as error:
    assert open('/proc/self/status').read()  # this kernel has none of it
"""
    assert told(tmp_path, code).strip() == "777"


@needs_linux
def test_no_new_privileges(tmp_path: Path) -> None:
    found = told(tmp_path, "found = dict(l.split(':', 1) for l in open('/proc/self/status') if ':' in l)")
    assert found["NoNewPrivs"].strip() == "1"
    assert int(found["CapEff"], 16) == int(found["CapPrm"], 16) == 0


@needs("user")
def test_each_pass_is_a_user_of_its_own(tmp_path: Path) -> None:
    users = [told(tmp_path, "found = [os.getuid(), os.geteuid(), os.getgid(), os.getgroups()]") for _ in range(2)]
    assert users[0][:3] != users[1][:3]
    assert all(user == effective == group > 60_000 and groups == [] for user, effective, group, groups in users)


WEAK = Confinement(reasons={})
ESCAPE = """
import subprocess, sys, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.setsid()
        os.execv(sys.executable, [sys.executable, '-S', '-c', 'import time; time.sleep(300)', MARKER])
    os._exit(0)
end = time.time() + 20
while not any(MARKER.encode() in open(p, 'rb').read() for p in __import__('glob').glob('/proc/[0-9]*/cmdline')
              if os.path.exists(p) and 'self' not in p and int(p.split('/')[2]) != os.getpid()):
    assert time.time() < end
"""


@needs_linux
@pytest.mark.parametrize("plan", [None, WEAK], ids=["as it is here", "without anything that the kernel may refuse"])
@pytest.mark.parametrize("how", ["ends", "hangs"])
def test_no_process_outlives_a_pass(
    tmp_path: Path, plan: Confinement | None, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if plan is not None:
        monkeypatch.setattr(isolation, "confinement", lambda: plan)
    marker = f"marker-{uuid.uuid4().hex}"
    code = "import os\n" + ESCAPE.replace("MARKER", repr(marker))
    if how == "hangs":
        ending = run(tmp_path, f"{code}\nopen('there', 'w')\ntime.sleep(300)", timeout=2)
        assert ending.timed_out
        assert (tmp_path / "there").exists()
    else:
        assert run(tmp_path, code).returncode == 0
    assert not living(marker)


@needs("processes")
def test_a_fork_bomb_is_bounded_and_cleared_away(tmp_path: Path) -> None:
    marker = f"marker-{uuid.uuid4().hex}"
    code = f"""
import time
found, mark = 0, {marker!r}
try:
    while found < 5000:
        if os.fork() == 0:
            time.sleep(300)
        found += 1
except BlockingIOError:
    pass
"""
    assert 1 <= told(tmp_path, code) < (os.cpu_count() or 1) + 40
    assert not living(marker)


@needs_linux
def test_a_pass_dies_with_its_agent(tmp_path: Path) -> None:
    marker = f"marker-{uuid.uuid4().hex}"
    code = (
        f"import ctypes, time; ctypes.CDLL(None).prctl(1, 0, 0, 0, 0); open('there', 'w'); time.sleep(300); {marker!r}"
    )
    agent = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import sys, pathlib; from mqn.device.backends.local.isolation import KillSwitch, run_isolated; "
            "run_isolated(pathlib.Path(sys.argv[1]), 60, KillSwitch(), [sys.executable, '-S', '-c', sys.argv[2]])",
            str(tmp_path),
            code,
        ]
    )
    end = time.monotonic() + 30
    while not (tmp_path / "there").exists():
        assert time.monotonic() < end
        time.sleep(0.01)
    agent.kill()
    agent.wait()
    while living(marker):
        assert time.monotonic() < end
        time.sleep(0.01)


@needs_linux
def test_what_cannot_be_shut_in_does_not_begin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    impossible = Confinement(namespaces=0x40, reasons={})
    monkeypatch.setattr(isolation, "confinement", lambda: impossible)
    with pytest.raises(DeviceAwayError, match="cannot shut a pass in"):
        run(tmp_path, "open('left', 'w')")
    assert not (tmp_path / "left").exists()


def test_a_pass_may_not_choose_what_is_read_as_its_last_words(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret")
    ending = run(
        tmp_path, "import os, sys; os.remove('stderr.txt'); os.rename('secret', 'stderr.txt'); sys.exit('mine')"
    )
    assert ending.last_words == "mine"


def test_what_does_not_hold_is_said_with_its_reason() -> None:
    guards = Confinement(reasons={"network": "not separated: a test"}).describe().guards
    by_name = {guard.name: guard for guard in guards}
    assert by_name["network"] == Guard(name="network", holds=False, how="not separated: a test")
    assert by_name["environment"].holds
