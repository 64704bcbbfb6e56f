"""What a run tells: lines of metrics, speed, progress, trackers, its page."""
