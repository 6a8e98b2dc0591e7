"""What the engine and the service cost, measured against peers and against doing nothing, as ratios of one run."""
