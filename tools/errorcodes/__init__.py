"""Find the errorcodes that Moodle's web-service functions can raise, in Moodle's source."""
