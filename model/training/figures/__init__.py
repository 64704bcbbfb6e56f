"""The figures of a run: metrics, speed, progress, trackers, and its page."""
