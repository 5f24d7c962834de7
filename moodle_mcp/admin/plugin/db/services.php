<?php
/**
 * The web service functions. Each also asks for local/mcpcompanion:use.
 *
 * @package local_mcpcompanion
 */

defined('MOODLE_INTERNAL') || die();

$functions = [];
foreach ([
    // Name => class, method, capabilities, description.
    'create_section' => ['sections', 'create', 'moodle/course:update', 'Create a section in a course'],
    'update_section' => ['sections', 'update', 'moodle/course:update', 'Change a section'],
    'move_section' => ['sections', 'move', 'moodle/course:update, moodle/course:movesections', 'Move a section'],
    'delete_section' => ['sections', 'delete', 'moodle/course:update, moodle/course:movesections', 'Delete an empty section'],
] as $name => [$class, $method, $capabilities, $description]) {
    $functions["local_mcpcompanion_$name"] = [
        'classname' => "local_mcpcompanion\\external\\$class",
        'methodname' => $method,
        'description' => $description,
        'type' => 'write',
        'capabilities' => $capabilities,
    ];
}
