"""Fetching WET files from Common Crawl, politely and whole."""
