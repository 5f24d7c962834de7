<?php
/**
 * English strings.
 *
 * @package local_mcpcompanion
 */

defined('MOODLE_INTERNAL') || die();

$string['invalidvalue'] = '{$a->field}: {$a->reason}. Nothing was changed.';
$string['mcpcompanion:use'] = 'Build course content through web services';
$string['notdone'] = '{$a}: Moodle did not do what was asked. Nothing was changed.';
$string['notduplicated'] = 'Moodle did not duplicate the activity. Look at the course before you try again.';
$string['notstored'] = '{$a}: Moodle would have stored another value. Nothing was changed.';
$string['pluginname'] = 'MCP companion';
$string['privacy:metadata'] = 'The plugin stores no data of its own.';
