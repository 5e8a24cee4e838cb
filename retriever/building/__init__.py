"""Building an index folder: the plan, embedding by one process or by Ray, the index with its recall, checks."""
