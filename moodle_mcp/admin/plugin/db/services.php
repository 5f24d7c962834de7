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
    'create_page' => ['page', 'create', 'moodle/course:manageactivities, mod/page:addinstance', 'Create a page'],
    'update_page' => ['page', 'update', 'moodle/course:manageactivities', 'Change a page'],
    'create_label' => ['label', 'create', 'moodle/course:manageactivities, mod/label:addinstance', 'Create a label'],
    'update_label' => ['label', 'update', 'moodle/course:manageactivities', 'Change a label'],
    'create_url' => ['url', 'create', 'moodle/course:manageactivities, mod/url:addinstance', 'Create a link'],
    'update_url' => ['url', 'update', 'moodle/course:manageactivities', 'Change a link'],
    'create_forum' => ['forum', 'create', 'moodle/course:manageactivities, mod/forum:addinstance', 'Create a forum'],
    'update_forum' => ['forum', 'update', 'moodle/course:manageactivities', 'Change a forum'],
    'create_assign' => ['assign', 'create', 'moodle/course:manageactivities, mod/assign:addinstance', 'Create an assignment'],
    'update_assign' => ['assign', 'update', 'moodle/course:manageactivities', 'Change an assignment'],
    'create_quiz' => ['quiz', 'create', 'moodle/course:manageactivities, mod/quiz:addinstance', 'Create a quiz'],
    'update_quiz' => ['quiz', 'update', 'moodle/course:manageactivities', 'Change a quiz'],
    'create_book' => ['book', 'create', 'moodle/course:manageactivities, mod/book:addinstance', 'Create a book'],
    'update_book' => ['book', 'update', 'moodle/course:manageactivities', 'Change a book'],
    'create_folder' => ['folder', 'create', 'moodle/course:manageactivities, mod/folder:addinstance', 'Create a folder of files'],
    'update_folder' => ['folder', 'update', 'moodle/course:manageactivities', 'Change a folder of files'],
    'create_resource' => ['resource', 'create', 'moodle/course:manageactivities, mod/resource:addinstance', 'Create a file'],
    'update_resource' => ['resource', 'update', 'moodle/course:manageactivities', 'Change a file'],
    'add_book_chapters' => ['book', 'add_chapters', 'mod/book:edit', 'Add chapters to a book'],
    'update_book_chapter' => ['book', 'update_chapter', 'mod/book:edit', 'Change a chapter of a book'],
    'move_activity' => ['modules', 'move', 'moodle/course:manageactivities', 'Move an activity within its course'],
    'duplicate_activity' => ['modules', 'duplicate', 'moodle/course:manageactivities', 'Duplicate an activity'],
    'show_activity' => ['modules', 'show', 'moodle/course:activityvisibility', 'Show or hide an activity'],
] as $name => [$class, $method, $capabilities, $description]) {
    $functions["local_mcpcompanion_$name"] = [
        'classname' => "local_mcpcompanion\\external\\$class",
        'methodname' => $method,
        'description' => $description,
        'type' => 'write',
        'capabilities' => $capabilities,
    ];
}
