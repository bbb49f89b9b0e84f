"""The paper's ablation tables with ours beside theirs."""
