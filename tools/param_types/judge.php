<?php
// Reads {"types": [...], "values": [...]} and writes, by type, a character for each value: 1 where
// validate_param() takes it, 0 where it refuses it. Run it with the site's config.php as argument.
define('CLI_SCRIPT', true);
require($argv[1]);
require_once($CFG->libdir . '/moodlelib.php');
ini_set('display_errors', '0');
$asked = json_decode(file_get_contents('php://stdin'), true);
$answer = [];
foreach ($asked['types'] as $type) {
    $said = '';
    foreach ($asked['values'] as $value) {
        try {
            validate_param($value, $type, NULL_ALLOWED);
            $said .= '1';
        } catch (invalid_parameter_exception $refusal) {
            $said .= '0';
        }
    }
    $answer[$type] = $said;
}
echo json_encode($answer), "\n";
