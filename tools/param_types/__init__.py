"""Record which texts a running Moodle's `validate_param` accepts."""
