<?php
/**
 * Functions for the sections of a course.
 *
 * @package local_mcpcompanion
 */

namespace local_mcpcompanion\external;

defined('MOODLE_INTERNAL') || die();

require_once($CFG->libdir . '/externallib.php');

use local_mcpcompanion\local\guard;
use local_mcpcompanion\local\text;

/** Create, change, move and delete sections. */
class sections extends \external_api {
    /** What Moodle asks for on the page of a course. */
    private const EDIT = ['moodle/course:update'];

    /**
     * Parameters that create and update share.
     *
     * @return array
     */
    private static function settings(): array {
        return [
            'summary' => new \external_value(PARAM_RAW, 'Summary', VALUE_DEFAULT, null),
            'textformat' => new \external_value(PARAM_INT, 'Format of the summary', VALUE_DEFAULT, FORMAT_HTML),
            'visible' => new \external_value(PARAM_BOOL, 'Whether students see it', VALUE_DEFAULT, null),
        ];
    }

    /**
     * Parameters.
     *
     * @return \external_function_parameters
     */
    public static function create_parameters() {
        return new \external_function_parameters([
            'courseid' => new \external_value(PARAM_INT, 'Course'),
            'name' => new \external_value(PARAM_RAW, 'Name'),
            'position' => new \external_value(PARAM_INT, 'Number that it gets; 0 for the end', VALUE_DEFAULT, 0),
        ] + self::settings());
    }

    /**
     * Create a section.
     *
     * @param int $courseid
     * @param string $name
     * @param int $position
     * @param string|null $summary
     * @param int $textformat
     * @param bool|null $visible
     * @return array
     */
    public static function create($courseid, $name, $position = 0, $summary = null, $textformat = 1, $visible = null) {
        $given = self::validate_parameters(self::create_parameters(), compact(
            'courseid', 'name', 'position', 'summary', 'textformat', 'visible'));
        $course = guard::course($given['courseid'], self::EDIT);
        $format = course_get_format($course);
        if (!$format->uses_sections()) {
            guard::refuse('courseid', "the course's format has no sections");
        }
        $last = $format->get_last_section_number();
        if ($last >= $format->get_max_sections()) {
            guard::refuse('courseid', "the course has as many sections as the site allows ($last)");
        }
        if ($given['position'] < 0 || $given['position'] > $last + 1) {
            guard::refuse('position', 'must be from 0 to ' . ($last + 1));
        }
        [$values, $removed] = self::checked($course, $given);
        return guard::all_or_nothing($course->id, function() use ($course, $given, $values, $removed) {
            $section = course_create_section($course, $given['position']);
            course_update_section($course, $section, $values);
            return self::answer($course, $section->id, $removed);
        });
    }

    /**
     * Answer.
     *
     * @return \external_single_structure
     */
    public static function create_returns() {
        return new \external_single_structure([
            'sectionid' => new \external_value(PARAM_INT, 'Id'),
            'section' => new \external_value(PARAM_INT, 'Number in the course'),
            'url' => new \external_value(PARAM_URL, 'Address'),
            'removed' => new \external_multiple_structure(
                new \external_value(PARAM_RAW, 'Element or attribute'), 'What was removed from the summary'),
        ]);
    }

    /**
     * Parameters.
     *
     * @return \external_function_parameters
     */
    public static function update_parameters() {
        return new \external_function_parameters([
            'sectionid' => new \external_value(PARAM_INT, 'Section'),
            'name' => new \external_value(PARAM_RAW, 'Name', VALUE_DEFAULT, null),
        ] + self::settings());
    }

    /**
     * Change a section's name, summary or visibility.
     *
     * @param int $sectionid
     * @param string|null $name
     * @param string|null $summary
     * @param int $textformat
     * @param bool|null $visible
     * @return array
     */
    public static function update($sectionid, $name = null, $summary = null, $textformat = 1, $visible = null) {
        $given = self::validate_parameters(self::update_parameters(), compact(
            'sectionid', 'name', 'summary', 'textformat', 'visible'));
        [$course, $section] = guard::section($given['sectionid'], self::EDIT);
        if ($given['visible'] !== null && !$section->section) {
            guard::refuse('visible', 'the first section of a course is always visible');
        }
        [$values, $removed] = self::checked($course, $given);
        if (!$values) {
            guard::refuse('name', 'give a name, a summary or visible');
        }
        return guard::all_or_nothing($course->id, function() use ($course, $section, $values, $removed) {
            course_update_section($course, $section, $values);
            return self::answer($course, $section->id, $removed);
        });
    }

    /**
     * Answer.
     *
     * @return \external_single_structure
     */
    public static function update_returns() {
        return self::create_returns();
    }

    /**
     * Parameters.
     *
     * @return \external_function_parameters
     */
    public static function move_parameters() {
        return new \external_function_parameters([
            'sectionid' => new \external_value(PARAM_INT, 'Section'),
            'position' => new \external_value(PARAM_INT, 'Number that it gets'),
        ]);
    }

    /**
     * Move a section.
     *
     * @param int $sectionid
     * @param int $position
     * @return array
     */
    public static function move($sectionid, $position) {
        $given = self::validate_parameters(self::move_parameters(), compact('sectionid', 'position'));
        [$course, $section] = guard::section($given['sectionid'], ['moodle/course:update', 'moodle/course:movesections']);
        $last = course_get_format($course)->get_last_section_number();
        if (!$section->section) {
            guard::refuse('sectionid', 'the first section of a course does not move');
        }
        if (!empty($section->component)) {
            guard::refuse('sectionid', 'a subsection moves with its activity');
        }
        if ($given['position'] < 1 || $given['position'] > $last) {
            guard::refuse('position', "must be from 1 to $last");
        }
        return guard::all_or_nothing($course->id, function() use ($course, $section, $given) {
            if (!move_section_to($course, $section->section, $given['position'])) {
                throw new \moodle_exception('notdone', 'local_mcpcompanion', '', 'position');
            }
            return self::answer($course, $section->id, []);
        });
    }

    /**
     * Answer.
     *
     * @return \external_single_structure
     */
    public static function move_returns() {
        return self::create_returns();
    }

    /**
     * Parameters.
     *
     * @return \external_function_parameters
     */
    public static function delete_parameters() {
        return new \external_function_parameters(['sectionid' => new \external_value(PARAM_INT, 'Section')]);
    }

    /**
     * Delete a section that has no activities.
     *
     * @param int $sectionid
     * @return null
     */
    public static function delete($sectionid) {
        global $DB;
        $given = self::validate_parameters(self::delete_parameters(), compact('sectionid'));
        [$course, $section] = guard::section($given['sectionid'], ['moodle/course:update', 'moodle/course:movesections']);
        // Rows, not the sequence: an activity that is being deleted in the background counts too.
        if ($DB->record_exists('course_modules', ['section' => $section->id])) {
            guard::refuse('sectionid', 'the section has activities; delete or move them first');
        }
        if (!empty($section->component)) {
            guard::refuse('sectionid', 'a subsection is deleted with its activity');
        }
        if (!course_can_delete_section($course, (int) $section->section)) {
            guard::refuse('sectionid', 'Moodle does not let this section be deleted');
        }
        guard::all_or_nothing($course->id, function() use ($course, $section) {
            // Without force Moodle refuses what has a summary. Force would also delete an activity that
            // somebody adds at this moment.
            course_update_section($course, $section, ['summary' => '']);
            if (!course_delete_section($course, (int) $section->section, false)) {
                throw new \moodle_exception('notdone', 'local_mcpcompanion', '', 'sectionid');
            }
        });
        return null;
    }

    /**
     * Answer.
     *
     * @return null
     */
    public static function delete_returns() {
        return null;
    }

    /**
     * Return what to write.
     *
     * @param \stdClass $course
     * @param array $given validated arguments
     * @return array columns and their values, names removed from the summary
     */
    private static function checked(\stdClass $course, array $given): array {
        $values = [];
        $removed = [];
        if ($given['name'] !== null) {
            $values['name'] = text::name('name', $given['name']);
        }
        if ($given['summary'] !== null) {
            $text = new text('summary', $given['summary'], $given['textformat']);
            $values += ['summary' => $text->html, 'summaryformat' => FORMAT_HTML];
            $removed = $text->removed;
        }
        if ($given['visible'] !== null) {
            require_capability('moodle/course:sectionvisibility', \context_course::instance($course->id));
            $values['visible'] = (int) $given['visible'];
        }
        return [$values, $removed];
    }

    /**
     * Return the answer about a section as it is stored.
     *
     * @param \stdClass $course
     * @param int $sectionid
     * @param string[] $removed
     * @return array
     */
    private static function answer(\stdClass $course, int $sectionid, array $removed): array {
        global $DB;
        $number = (int) $DB->get_field('course_sections', 'section', ['id' => $sectionid], MUST_EXIST);
        $url = new \moodle_url('/course/view.php', ['id' => $course->id], "section-$number");
        return ['sectionid' => $sectionid, 'section' => $number, 'url' => $url->out(false), 'removed' => $removed];
    }
}
