"""Every rule of writing, and the handle that records a run."""
