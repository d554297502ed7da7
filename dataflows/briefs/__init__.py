"""The briefs of a centre (综治日报): figures of the pool, written as a page and as a Word document."""
