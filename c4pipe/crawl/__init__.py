"""Downloads WET files from Common Crawl, completely and without overloading its servers."""
