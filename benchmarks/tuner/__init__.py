"""How good the tuner's search is: on a noisy problem of known truth, and on stored answers."""
