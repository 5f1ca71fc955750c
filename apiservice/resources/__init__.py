"""Resources as data, and how a request for one is routed, filtered and printed."""
