"""c4pipe: Common Crawl in, a trained text-to-text model out. See docs/architecture.md."""

__version__ = "0.1.0"
