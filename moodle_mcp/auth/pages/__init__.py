"""The pages that people see: sign-in, consent, connected agents, errors."""
