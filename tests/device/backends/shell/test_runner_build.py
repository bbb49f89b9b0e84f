"""Compilers and libraries for a device, and plain words where there are none."""

from __future__ import annotations

import platform
import stat
from pathlib import Path

import pytest

from mqn.device.backends.shell import litert_library
from mqn.device.backends.shell.litert_library import find_library, read_architecture
from mqn.device.backends.shell.runner_build import Compiler, build_runner, find_compiler
from mqn.errors import DeviceRefusedError


def _program(path: Path, body: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


@pytest.fixture(autouse=True)
def _plain(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CC", "MQN_NDK", "MQN_LITERT_LIBRARY"):
        monkeypatch.delenv(name, raising=False)


class TestCompiler:
    def test_without_one_the_packages_are_named(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        monkeypatch.setenv("PATH", str(tmp_path))
        with pytest.raises(DeviceRefusedError, match=r"no C compiler for aarch64; install .*aarch64-linux-gnu-gcc"):
            find_compiler("aarch64")

    def test_unknown_architecture_is_refused(self) -> None:
        with pytest.raises(DeviceRefusedError, match=r"'mips'.*x86_64, aarch64"):
            find_compiler("mips")

    def test_named_one_is_taken_where_it_builds_for_the_device(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        path = _program(tmp_path / "mycc", "echo aarch64-linux-android")
        monkeypatch.setenv("CC", f"{path} -O3")
        assert find_compiler("aarch64") == Compiler(command=(str(path), "-O3"), bionic=True)

    def test_named_one_for_another_processor_is_passed_over(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        monkeypatch.setenv("CC", str(_program(tmp_path / "mycc", "echo riscv64-linux-gnu")))
        cross = _program(tmp_path / "aarch64-linux-gnu-gcc", "true")
        monkeypatch.setenv("PATH", str(tmp_path))
        monkeypatch.setattr(platform, "machine", lambda: "x86_64")
        assert find_compiler("aarch64").command == (str(cross),)

    def test_ndk_is_found_by_its_folder(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        clang = tmp_path / "toolchains/llvm/prebuilt/linux-x86_64/bin/aarch64-linux-android28-clang"
        _program(clang, "true")
        monkeypatch.setenv("MQN_NDK", str(tmp_path))
        assert find_compiler("aarch64") == Compiler(command=(str(clang),), bionic=True)

    def test_folder_that_is_no_ndk_is_named(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        monkeypatch.setenv("MQN_NDK", str(tmp_path))
        with pytest.raises(DeviceRefusedError, match="MQN_NDK="):
            find_compiler("aarch64")


class TestBuild:
    def test_runner_is_built_once(self, tmp_path: Path) -> None:
        count = tmp_path / "count"
        body = f'echo x >> {count}; while [ $# -gt 0 ]; do [ "$1" = -o ] && echo built > "$2"; shift; done'
        compiler = Compiler(command=(str(_program(tmp_path / "cc", body)),))
        first, second = build_runner("x86_64", compiler), build_runner("x86_64", compiler)
        assert first == second
        assert first.read_text() == "built\n"
        assert count.read_text() == "x\n"

    def test_compiler_that_fails_is_quoted(self, tmp_path: Path) -> None:
        body = "echo 'note: so' >&2; echo 'litert.c:1: error: no such thing' >&2; exit 1"
        compiler = Compiler(command=(str(_program(tmp_path / "cc", body)),))
        with pytest.raises(DeviceRefusedError, match="no such thing"):
            build_runner("x86_64", compiler)


class TestLibrary:
    def test_wheel_has_this_machines(self) -> None:
        found = find_library(platform.machine())
        assert read_architecture(found.path) == platform.machine()
        assert "ai-edge-litert" in found.runtime

    def test_named_one_for_another_processor_is_refused(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        path = tmp_path / "libLiteRt.so"
        path.write_bytes(b"\x7fELF" + bytes(14) + (183).to_bytes(2, "little"))
        monkeypatch.setenv("MQN_LITERT_LIBRARY", str(path))
        with pytest.raises(DeviceRefusedError, match="is for aarch64 processor, not x86_64"):
            find_library("x86_64")
        assert find_library("aarch64").path == path

    def test_architecture_without_a_wheel_is_refused(self) -> None:
        with pytest.raises(DeviceRefusedError, match=r"no library for riscv64.*MQN_LITERT_LIBRARY"):
            find_library("riscv64")

    def test_failed_download_says_what_to_do(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        python = _program(tmp_path / "python", "echo 'ERROR: no matching distribution' >&2; exit 1")
        monkeypatch.setattr(litert_library.sys, "executable", str(python))
        monkeypatch.setattr(platform, "machine", lambda: "x86_64")
        with pytest.raises(DeviceRefusedError, match=r"no matching distribution; set MQN_LITERT_LIBRARY"):
            find_library("aarch64")

    def test_text_is_for_no_processor(self, tmp_path: Path) -> None:
        path = tmp_path / "text"
        path.write_text("hello")
        assert read_architecture(path) == ""
