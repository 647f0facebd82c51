"""quotadesk: the help desk for AI quotas. Rooms and what each may know are drawn in CONTRIBUTING.md."""
