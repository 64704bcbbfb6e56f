"""Reports on runs, as JSON and as self-contained HTML pages."""
