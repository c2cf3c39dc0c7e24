"""How much the proxy costs: requests a second and CPU a request, against what one would write."""
