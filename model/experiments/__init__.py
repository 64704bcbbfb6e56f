"""The paper's search: plans of its tables, the graph of commands that a plan needs, and the page of its results."""
