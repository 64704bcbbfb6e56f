"""The names of the files that find_contamination writes besides its report."""

RESULT, URLS = "contamination.json", "contaminated_urls.txt"
