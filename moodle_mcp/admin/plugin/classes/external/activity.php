<?php
/**
 * What creating and updating an activity of any kind have in common.
 *
 * @package local_mcpcompanion
 */

namespace local_mcpcompanion\external;

defined('MOODLE_INTERNAL') || die();

require_once($CFG->libdir . '/externallib.php');
require_once($CFG->libdir . '/filelib.php');
require_once($CFG->libdir . '/resourcelib.php');

use local_mcpcompanion\local\guard;
use local_mcpcompanion\local\text;

/** A kind of activity; a class for each kind says what is special about it. */
abstract class activity extends \external_api {
    /** @var string the module's name, which is also the name of its table */
    protected const MODULE = '';

    /** @var bool whether the activity has a name of its own */
    protected const NAMED = true;

    /** @var array the module's own parameters: name => type, description */
    protected const SETTINGS = [];

    /** @var string[] those of the parameters that are texts, apart from intro */
    protected const TEXTS = [];

    /** @var string[] parameters that creating needs */
    protected const REQUIRED = [];

    /**
     * Return what the module's form would send for a new activity.
     *
     * @return array
     */
    abstract protected static function defaults(): array;

    /**
     * Complete what the module's own update function expects beyond the columns of its table.
     *
     * @param \stdClass $info what get_moduleinfo_data returned
     * @param \stdClass $cm
     */
    protected static function prepare_update(\stdClass $info, \stdClass $cm): void {
    }

    /**
     * Put the arguments that are not columns where the module expects them.
     *
     * @param \stdClass $info what add_moduleinfo or update_moduleinfo gets
     * @param array $given arguments, null where left out; texts are clean
     */
    protected static function apply(\stdClass $info, array $given): void {
    }

    /**
     * Refuse arguments that are wrong.
     *
     * @param array $given arguments, null where left out
     */
    protected static function check(array $given): void {
    }

    /**
     * Write what the module's own functions do not write.
     *
     * @param \stdClass $info what was written
     * @param array $given arguments, null where left out
     */
    protected static function finish(\stdClass $info, array $given): void {
    }

    /**
     * Return what is stored of an activity, by parameter.
     *
     * @param \stdClass $info what was written
     * @return array
     */
    protected static function stored(\stdClass $info): array {
        global $DB;
        $cm = $DB->get_record('course_modules', ['id' => $info->coursemodule], '*', MUST_EXIST);
        return (array) $DB->get_record(static::MODULE, ['id' => $cm->instance], '*', MUST_EXIST) +
            ['visible' => $cm->visible, 'showdescription' => $cm->showdescription, 'cmidnumber' => $cm->idnumber];
    }

    /**
     * Parameters.
     *
     * @return \external_function_parameters
     */
    public static function create_parameters() {
        return self::parameters(['sectionid' => new \external_value(PARAM_INT, 'Section')], static::REQUIRED);
    }

    /**
     * Parameters.
     *
     * @return \external_function_parameters
     */
    public static function update_parameters() {
        return self::parameters(['cmid' => new \external_value(PARAM_INT, 'Course module')], []);
    }

    /**
     * Create an activity at the end of a section.
     *
     * @param mixed ...$args in the order of the parameters
     * @return array
     */
    public static function create(...$args) {
        global $DB;
        $given = self::validated(self::create_parameters(), $args);
        [$course, $section] = guard::section($given['sectionid'], ['moodle/course:manageactivities']);
        if (!$DB->record_exists('modules', ['name' => static::MODULE, 'visible' => 1])) {
            guard::refuse('sectionid', 'the site has switched off activities of the kind ' . static::MODULE);
        }
        if (!course_allowed_module($course, static::MODULE)) {
            throw new \required_capability_exception(\context_course::instance($course->id),
                'mod/' . static::MODULE . ':addinstance', 'nopermissions', '');
        }
        [$given, $removed] = self::checked($given, \context_course::instance($course->id));
        foreach (static::REQUIRED as $name) {
            if ($given[$name] === '') {
                guard::refuse($name, 'must not be empty');
            }
        }
        $info = (object) (static::defaults() + [
            'modulename' => static::MODULE,
            'module' => $DB->get_field('modules', 'id', ['name' => static::MODULE], MUST_EXIST),
            'section' => (int) $section->section,
            'visible' => 1,
            'cmidnumber' => '',
            'groupmode' => $course->groupmode,
            'groupingid' => $course->defaultgroupingid,
            'introeditor' => ['text' => '', 'format' => FORMAT_HTML, 'itemid' => 0],
        ]);
        self::put($info, $given);
        return guard::all_or_nothing($course->id, function() use ($course, $info, $given, $removed) {
            return self::answer(add_moduleinfo($info, $course), $given, $removed);
        });
    }

    /**
     * Change an activity; what is left out stays as it is.
     *
     * @param mixed ...$args in the order of the parameters
     * @return array
     */
    public static function update(...$args) {
        $given = self::validated(self::update_parameters(), $args);
        [$cm, $course] = guard::activity($given['cmid'], ['moodle/course:manageactivities'], static::MODULE);
        [$given, $removed] = self::checked($given, \context_module::instance($cm->id));
        if (!array_diff_key(self::settings($given), ['cmid' => 1])) {
            guard::refuse('cmid', 'give at least one setting to change');
        }
        return guard::all_or_nothing($course->id, function() use ($cm, $course, $given, $removed) {
            $info = get_moduleinfo_data($cm, $course)[3];
            foreach (array_keys((array) $info) as $name) {
                // Grades to pass come formatted in the user's language, which the database refuses.
                if (strpos($name, 'gradepass') === 0 || strpos($name, 'gradecat') === 0) {
                    unset($info->$name);
                }
            }
            static::prepare_update($info, $cm);
            self::put($info, $given);
            $info = update_moduleinfo($cm, $info, $course)[1];
            return self::answer($info, $given, $removed);
        });
    }

    /**
     * Answer.
     *
     * @return \external_single_structure
     */
    public static function create_returns() {
        return new \external_single_structure([
            'cmid' => new \external_value(PARAM_INT, 'Course module'),
            'instanceid' => new \external_value(PARAM_INT, 'Id in the table of the module'),
            'url' => new \external_value(PARAM_URL, 'Address'),
            'removed' => new \external_multiple_structure(
                new \external_value(PARAM_RAW, 'Element or attribute'), 'What was removed from the texts'),
        ]);
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
     * Return the parameters of create or update.
     *
     * @param array $first the parameters that come first
     * @param string[] $required names of those that have no default
     * @return \external_function_parameters
     */
    private static function parameters(array $first, array $required): \external_function_parameters {
        $settings = static::NAMED ? ['name' => [PARAM_RAW, 'Name']] : [];
        $settings += ['intro' => [PARAM_RAW, 'Description']] + static::SETTINGS + [
            'showdescription' => [PARAM_BOOL, 'Whether the course page shows the description'],
            'visible' => [PARAM_BOOL, 'Whether students see it'],
            'cmidnumber' => [PARAM_RAW, 'Id number'],
        ];
        foreach ($settings as $name => [$type, $description]) {
            $first[$name] = in_array($name, $required)
                ? new \external_value($type, $description)
                : new \external_value($type, $description, VALUE_DEFAULT, null);
        }
        $first['textformat'] = new \external_value(PARAM_INT, 'Format of the texts', VALUE_DEFAULT, FORMAT_HTML);
        return new \external_function_parameters($first);
    }

    /**
     * Return the arguments by name.
     *
     * @param \external_function_parameters $parameters
     * @param array $args in the order of the parameters
     * @return array
     */
    private static function validated(\external_function_parameters $parameters, array $args): array {
        $names = array_slice(array_keys($parameters->keys), 0, count($args));
        return self::validate_parameters($parameters, array_combine($names, $args));
    }

    /**
     * Return the arguments with clean texts, and what was removed from them.
     *
     * @param array $given
     * @param \context $context where the capabilities are asked for
     * @return array
     */
    private static function checked(array $given, \context $context): array {
        $removed = [];
        if (isset($given['name'])) {
            $given['name'] = text::name('name', $given['name']);
        }
        foreach (array_merge(['intro'], static::TEXTS) as $name) {
            if ($given[$name] !== null) {
                $text = new text($name, $given[$name], $given['textformat']);
                $given[$name] = $text->html;
                $removed = array_merge($removed, $text->removed);
            }
        }
        if ($given['cmidnumber'] !== null && \core_text::strlen($given['cmidnumber']) > 100) {
            guard::refuse('cmidnumber', 'must have at most 100 characters');
        }
        if ($given['visible'] !== null) {
            require_capability('moodle/course:activityvisibility', $context);
        }
        static::check($given);
        return [$given, array_values(array_unique($removed))];
    }

    /**
     * Put the arguments into what Moodle gets.
     *
     * @param \stdClass $info
     * @param array $given
     */
    private static function put(\stdClass $info, array $given): void {
        foreach (self::settings($given) as $name => $value) {
            $info->$name = is_bool($value) ? (int) $value : $value;
        }
        if ($given['intro'] !== null) {
            $info->introeditor['text'] = $given['intro'];
            $info->introeditor['format'] = FORMAT_HTML;
        }
        static::apply($info, $given);
    }

    /**
     * Compare what is stored with what was asked for, and answer.
     *
     * An editor's field in a place where the module does not look for it makes an empty page without an
     * error, so an answer without an error proves nothing.
     *
     * @param \stdClass $info what Moodle returned
     * @param array $given
     * @param string[] $removed
     * @return array
     */
    private static function answer(\stdClass $info, array $given, array $removed): array {
        static::finish($info, $given);
        $stored = static::stored($info);
        foreach (self::settings($given) as $name => $value) {
            if (array_key_exists($name, $stored) && !self::same($value, $stored[$name])) {
                throw new \moodle_exception('notstored', 'local_mcpcompanion', '', $name);
            }
        }
        $cm = get_coursemodule_from_id(static::MODULE, $info->coursemodule, 0, false, MUST_EXIST);
        $url = new \moodle_url('/mod/' . static::MODULE . '/view.php', ['id' => $cm->id]);
        return ['cmid' => $cm->id, 'instanceid' => $cm->instance, 'url' => $url->out(false), 'removed' => $removed];
    }

    /**
     * Return the arguments that were not left out.
     *
     * @param array $given
     * @return array
     */
    private static function settings(array $given): array {
        unset($given['textformat']);
        return array_filter($given, function($value) {
            return $value !== null;
        });
    }

    /**
     * Whether what is stored is what was asked for. Databases return numbers as text.
     *
     * @param mixed $value
     * @param mixed $stored
     * @return bool
     */
    private static function same($value, $stored): bool {
        if (is_string($value)) {
            return $value === (string) $stored;
        }
        return is_array($value) || abs((float) $value - (float) $stored) < 0.00001;
    }
}
