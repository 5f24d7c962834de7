"""Find side effects of Moodle's web-service functions: writes, files, requests to other hosts."""
