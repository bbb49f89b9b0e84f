from __future__ import annotations

from mqn.device.processor_features import processor_features


def test_features_are_found_on_x86_and_on_arm():
    x86 = "processor\t: 0\nflags\t\t: fpu avx2 sse avx512_vnni\nbugs\t: some\n\nprocessor\t: 1\nflags\t\t: fpu avx2\n"
    assert processor_features(x86) == ("avx2", "avx512_vnni")
    assert processor_features("Features\t: fp asimd asimdhp asimddp crc32\nCPU part\t: 0xd0b\n") == (
        "asimdhp",
        "asimddp",
    )


def test_without_a_list_there_are_none():
    assert processor_features("") == ()
    assert processor_features("isa : rv64imafdc\nflags") == ()
