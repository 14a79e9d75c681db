"""The sound of calls: sealed, kept for its time, heard with a reason, missed when it is lacking."""
