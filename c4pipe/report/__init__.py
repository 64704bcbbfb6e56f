"""What a run did, as JSON and as one self-contained HTML page."""
