"""Names to ids: people, courses, roles and more by what they are called.

`names` says how a thing can be named; `people`, `site_things`, `in_course` and `roles` look names
up, each with few requests; `resolver` asks them in the order in which names depend on each other.
"""
