"""Recording what a running Moodle's `validate_param` says of many texts."""
