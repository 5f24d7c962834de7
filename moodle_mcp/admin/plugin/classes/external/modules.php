<?php
/**
 * Functions for activities of any kind.
 *
 * @package local_mcpcompanion
 */

namespace local_mcpcompanion\external;

defined('MOODLE_INTERNAL') || die();

require_once($CFG->libdir . '/externallib.php');

use local_mcpcompanion\local\guard;

/** Move, duplicate, show and hide. */
class modules extends \external_api {
    /**
     * Parameters.
     *
     * @return \external_function_parameters
     */
    public static function move_parameters() {
        return new \external_function_parameters([
            'cmid' => new \external_value(PARAM_INT, 'Course module'),
            'sectionid' => new \external_value(PARAM_INT, 'Section that it goes to'),
            'beforecmid' => new \external_value(PARAM_INT, 'Before which activity; 0 for the end', VALUE_DEFAULT, 0),
        ]);
    }

    /**
     * Move an activity within its course.
     *
     * @param int $cmid
     * @param int $sectionid
     * @param int $beforecmid
     * @return array
     */
    public static function move($cmid, $sectionid, $beforecmid = 0) {
        global $DB;
        $given = self::validate_parameters(self::move_parameters(), compact('cmid', 'sectionid', 'beforecmid'));
        [$cm, $course] = guard::activity($given['cmid'], ['moodle/course:manageactivities']);
        [, $section] = guard::section($given['sectionid'], ['moodle/course:manageactivities']);
        if ($section->course != $course->id) {
            guard::refuse('sectionid', 'the section is in another course');
        }
        if ($cm->modname === 'subsection') {
            guard::refuse('cmid', 'subsections are not moved by this function');
        }
        if ($given['beforecmid']) {
            $before = $DB->get_field('course_modules', 'section', ['id' => $given['beforecmid']]);
            if ($before != $section->id || $given['beforecmid'] == $cm->id) {
                guard::refuse('beforecmid', 'must be another activity in that section');
            }
        }
        return guard::all_or_nothing($course->id, function() use ($cm, $section, $given) {
            moveto_module($cm, $section, $given['beforecmid'] ?: null);
            return self::answer((int) $cm->id);
        });
    }

    /**
     * Answer.
     *
     * @return \external_single_structure
     */
    public static function move_returns() {
        return new \external_single_structure([
            'cmid' => new \external_value(PARAM_INT, 'Course module'),
            'sectionid' => new \external_value(PARAM_INT, 'Section'),
            'visible' => new \external_value(PARAM_BOOL, 'Whether students see it'),
            'name' => new \external_value(PARAM_RAW, 'Name'),
        ]);
    }

    /**
     * Parameters.
     *
     * @return \external_function_parameters
     */
    public static function duplicate_parameters() {
        return new \external_function_parameters(['cmid' => new \external_value(PARAM_INT, 'Course module')]);
    }

    /**
     * Copy an activity, without what people did in it, after the original.
     *
     * @param int $cmid
     * @return array
     */
    public static function duplicate($cmid) {
        $given = self::validate_parameters(self::duplicate_parameters(), compact('cmid'));
        [$cm, $course] = guard::activity($given['cmid'], ['moodle/course:manageactivities']);
        $context = \context_course::instance($course->id);
        require_capability('moodle/backup:backuptargetimport', $context);
        require_capability('moodle/restore:restoretargetimport', $context);
        if (!plugin_supports('mod', $cm->modname, FEATURE_BACKUP_MOODLE2)) {
            guard::refuse('cmid', 'activities of this kind cannot be duplicated');
        }
        if (!course_allowed_module($course, $cm->modname)) {
            throw new \required_capability_exception($context, "mod/$cm->modname:addinstance", 'nopermissions', '');
        }
        // No transaction: a restore creates temporary tables, which some databases do outside of one.
        $new = duplicate_module($course, $cm);
        if (!$new) {
            throw new \moodle_exception('notduplicated', 'local_mcpcompanion');
        }
        return self::answer((int) $new->id);
    }

    /**
     * Answer.
     *
     * @return \external_single_structure
     */
    public static function duplicate_returns() {
        return self::move_returns();
    }

    /**
     * Parameters.
     *
     * @return \external_function_parameters
     */
    public static function show_parameters() {
        return new \external_function_parameters([
            'cmid' => new \external_value(PARAM_INT, 'Course module'),
            'visible' => new \external_value(PARAM_BOOL, 'Whether students see it'),
        ]);
    }

    /**
     * Show or hide an activity.
     *
     * @param int $cmid
     * @param bool $visible
     * @return array
     */
    public static function show($cmid, $visible) {
        $given = self::validate_parameters(self::show_parameters(), compact('cmid', 'visible'));
        [$cm, $course] = guard::activity($given['cmid'],
            ['moodle/course:manageactivities', 'moodle/course:activityvisibility']);
        return guard::all_or_nothing($course->id, function() use ($cm, $given) {
            set_coursemodule_visible($cm->id, (int) $given['visible']);
            $answer = self::answer((int) $cm->id);
            if ((bool) $answer['visible'] !== (bool) $given['visible']) {
                throw new \moodle_exception('notstored', 'local_mcpcompanion', '', 'visible');
            }
            return $answer;
        });
    }

    /**
     * Answer.
     *
     * @return \external_single_structure
     */
    public static function show_returns() {
        return self::move_returns();
    }

    /**
     * Return the answer about an activity as it is stored.
     *
     * @param int $cmid
     * @return array
     */
    private static function answer(int $cmid): array {
        $cm = get_coursemodule_from_id('', $cmid, 0, false, MUST_EXIST);
        return ['cmid' => $cmid, 'sectionid' => $cm->section, 'visible' => (bool) $cm->visible, 'name' => $cm->name];
    }
}
