"""Which integration tests run in one process, and in which order, where several run at once."""

from __future__ import annotations

from pathlib import PurePosixPath

from xdist.scheduler import LoadScopeScheduling

LONGEST = (
    "test_cli",
    "test_export",
    "test_faults",
    "test_cluster_nodes",
    "test_gate",
    "test_finetune",
    "test_suggest",
    "test_search",
    "test_dashboard",
    "test_dashboard_panels",
    "test_drivers",
    "test_device",
    "test_track",
    "test_install",
    "test_secrets",
    "test_cluster",
    "test_sharing",
    "test_compare",
    "test_malformed",
    "test_alignment",
    "test_ui",
)
"""Files that take longest come first, so that no process is left with one of them at the end."""

INDEPENDENT = {"test_drivers", "test_rigs", "test_search", "test_suggest"}
"""Files whose tests share nothing that takes time to make: each test may run in another process."""

ON_ONE_EXPORTER = {
    "test_export",
    "test_export_families",
    "test_export_hdrcnn",
    "test_export_lean",
    "test_lowering",
    "test_media",
    "test_one_gain",
    "test_plans",
}
"""Files that share one export process, which takes long to import TensorFlow."""


ON_ONE_BROWSER = {"test_dashboard", "test_dashboard_panels"}
"""Files that share one browser and one dashboard."""


def group_of(test: str) -> str:
    """Tests of a group run in one process. A group is a file, but for the exceptions above."""
    path = test.partition("::")[0]
    file = PurePosixPath(path).stem
    if file in INDEPENDENT:
        return test
    if file in ON_ONE_BROWSER:
        return "browser"
    return "exporter" if file in ON_ONE_EXPORTER else path


def place_of(test: str) -> int:
    """Where a test comes, by its file."""
    file = PurePosixPath(test.partition("::")[0]).stem
    return LONGEST.index(file) if file in LONGEST else len(LONGEST)


class GroupScheduling(LoadScopeScheduling):
    """In place of the groups of xdist 3.8, which it does not see with pytest 9.2: it writes into a field of before."""

    def _split_scope(self, nodeid: str) -> str:
        return group_of(nodeid)
