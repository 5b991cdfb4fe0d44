"""What the middleware costs, as ratios against named baselines in one run."""
