"""What an agent gets of an answer: the fields that matter, readable, marked as data, in pages."""
