"""The selector: its network, what that reads, its calibrated judgement, and its weights."""
