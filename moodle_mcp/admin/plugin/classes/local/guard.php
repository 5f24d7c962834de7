<?php
/**
 * Checks that come before every write, and the transaction around it.
 *
 * @package local_mcpcompanion
 */

namespace local_mcpcompanion\local;

defined('MOODLE_INTERNAL') || die();

require_once($CFG->dirroot . '/course/lib.php');
require_once($CFG->dirroot . '/course/modlib.php');

/** Finds courses, sections and activities for a user who may change them. */
class guard {
    /**
     * Throw because of an argument. Nothing has been written.
     *
     * Moodle hides the reason of its own invalid_parameter_exception unless debugging is on.
     *
     * @param string $field the argument
     * @param string $reason what is wrong with it
     */
    public static function refuse(string $field, string $reason) {
        throw new \moodle_exception('invalidvalue', 'local_mcpcompanion', '', (object) ['field' => $field, 'reason' => $reason]);
    }

    /**
     * Return a section and its course.
     *
     * @param int $sectionid id from core_course_get_contents, not the number
     * @param string[] $capabilities what the user must have in the course
     * @return array the course, the row of course_sections
     */
    public static function section(int $sectionid, array $capabilities): array {
        global $DB;
        $section = $DB->get_record('course_sections', ['id' => $sectionid]);
        if (!$section) {
            self::refuse('sectionid', 'there is no section with this id (the number of a section is not its id)');
        }
        return [self::course((int) $section->course, $capabilities), $section];
    }

    /**
     * Return a course in which the user has the plugin's capability and those given.
     *
     * @param int $courseid id
     * @param string[] $capabilities what the user must have in the course
     * @return \stdClass the course
     */
    public static function course(int $courseid, array $capabilities): \stdClass {
        global $DB;
        $course = $DB->get_record('course', ['id' => $courseid]);
        if (!$course) {
            self::refuse('courseid', 'there is no course with this id');
        }
        $context = \context_course::instance($course->id);
        \external_api::validate_context($context);
        foreach (array_merge(['local/mcpcompanion:use'], $capabilities) as $capability) {
            require_capability($capability, $context);
        }
        return $course;
    }

    /**
     * Return an activity and its course.
     *
     * @param int $cmid the course module's id
     * @param string[] $capabilities what the user must have in the activity
     * @param string $modname the kind that the activity must be of; empty for any
     * @return array the course module, the course
     */
    public static function activity(int $cmid, array $capabilities, string $modname = ''): array {
        $cm = get_coursemodule_from_id('', $cmid);
        if (!$cm || !empty($cm->deletioninprogress)) {
            self::refuse('cmid', 'there is no activity with this id (an activity\'s cmid is not its instance id)');
        }
        $course = self::course((int) $cm->course, []);
        $context = \context_module::instance($cm->id);
        \external_api::validate_context($context);
        foreach ($capabilities as $capability) {
            require_capability($capability, $context);
        }
        if ($modname !== '' && $cm->modname !== $modname) {
            self::refuse('cmid', "this activity is of the kind $cm->modname, not $modname");
        }
        return [$cm, $course];
    }

    /**
     * Run a write in a transaction: an exception leaves the course as it was.
     *
     * @param int $courseid the course that is written to
     * @param callable $write takes nothing
     * @return mixed what $write returns
     */
    public static function all_or_nothing(int $courseid, callable $write) {
        global $DB;
        $transaction = $DB->start_delegated_transaction();
        try {
            $result = $write();
            $transaction->allow_commit();
            return $result;
        } catch (\Throwable $thrown) {
            try {
                if (!$transaction->is_disposed()) {
                    $transaction->rollback($thrown);
                }
            } finally {
                // What was cached of the course in the meantime shows rows that are gone. Its revision is
                // higher than the one in the database now, so Moodle would take it for up to date and
                // show it to everybody: it must be deleted (read in the source of 4.5.6).
                $cache = \cache::make('core', 'coursemodinfo');
                $cache->acquire_lock($courseid);
                $cache->delete($courseid);
                $cache->release_lock($courseid);
                rebuild_course_cache($courseid, true);
                get_fast_modinfo($courseid, 0, true);
            }
            throw $thrown;
        }
    }
}
