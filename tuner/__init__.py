"""GuardTune's tuner: an offline multi-objective search that writes policy files."""
