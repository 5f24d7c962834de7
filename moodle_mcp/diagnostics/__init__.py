"""The `check` command: ask the site, and judge every step up to a first call."""
