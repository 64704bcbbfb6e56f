"""The files that find_contamination leaves beside its report."""

RESULT, URLS = "contamination.json", "contaminated_urls.txt"
