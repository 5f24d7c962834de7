<?php
/**
 * Version of the plugin.
 *
 * @package local_mcpcompanion
 */

defined('MOODLE_INTERNAL') || die();

$plugin->component = 'local_mcpcompanion';
$plugin->version = 2026112800;
$plugin->release = '0.1.0';
$plugin->requires = 2022112800; // Moodle 4.1.
$plugin->maturity = MATURITY_BETA;
