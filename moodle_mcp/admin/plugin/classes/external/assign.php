<?php
/**
 * Assignments.
 *
 * @package local_mcpcompanion
 */

namespace local_mcpcompanion\external;

defined('MOODLE_INTERNAL') || die();

use local_mcpcompanion\local\guard;

/** An assignment. */
class assign extends activity {
    protected const MODULE = 'assign';
    protected const SETTINGS = [
        'activity' => [PARAM_RAW, 'Instructions on the page where students submit'],
        'allowsubmissionsfromdate' => [PARAM_INT, 'When submitting begins'],
        'duedate' => [PARAM_INT, 'When it is due'],
        'cutoffdate' => [PARAM_INT, 'When submitting ends'],
        'gradingduedate' => [PARAM_INT, 'When grading is due'],
        'grade' => [PARAM_INT, 'Highest grade'],
        'maxattempts' => [PARAM_INT, 'Attempts'],
        'submissiondrafts' => [PARAM_BOOL, 'Whether students press a button to submit'],
        'teamsubmission' => [PARAM_BOOL, 'Whether groups submit together'],
        'onlinetext' => [PARAM_BOOL, 'Whether students write a text'],
        'wordlimit' => [PARAM_INT, 'Most words of that text'],
        'files' => [PARAM_BOOL, 'Whether students submit files'],
        'maxfiles' => [PARAM_INT, 'Most files'],
        'maxbytes' => [PARAM_INT, 'Most bytes of a file'],
        'filetypes' => [PARAM_RAW, 'Types of file'],
    ];
    protected const TEXTS = ['activity'];
    protected const REQUIRED = ['name'];

    protected static function defaults(): array {
        $config = get_config('assign');
        $file = get_config('assignsubmission_file');
        return [
            'alwaysshowdescription' => 1,
            'submissiondrafts' => $config->submissiondrafts ?? 0,
            'requiresubmissionstatement' => $config->requiresubmissionstatement ?? 0,
            'sendnotifications' => $config->sendnotifications ?? 0,
            'sendlatenotifications' => $config->sendlatenotifications ?? 0,
            'sendstudentnotifications' => $config->sendstudentnotifications ?? 1,
            'allowsubmissionsfromdate' => 0,
            'duedate' => 0,
            'cutoffdate' => 0,
            'gradingduedate' => 0,
            'timelimit' => 0,
            'grade' => 100,
            'teamsubmission' => 0,
            'requireallteammemberssubmit' => 0,
            'teamsubmissiongroupingid' => 0,
            'preventsubmissionnotingroup' => 0,
            'blindmarking' => 0,
            'hidegrader' => 0,
            'markingworkflow' => 0,
            'markingallocation' => 0,
            'markinganonymous' => 0,
            'maxattempts' => $config->maxattempts ?? 1,
            'attemptreopenmethod' => $config->attemptreopenmethod ?? 'none',
            'assignfeedback_comments_enabled' => 1,
            'assignfeedback_comments_commentinline' => get_config('assignfeedback_comments', 'inline') ?: 0,
            'onlinetext' => 0,
            'wordlimit' => 0,
            'files' => 1,
            'maxfiles' => min(20, $file->maxfiles ?? 20),
            'maxbytes' => 0,
            'filetypes' => $file->filetypes ?? '',
        ];
    }

    protected static function prepare_update(\stdClass $info, \stdClass $cm): void {
        foreach (self::plugin_settings((int) $info->instance) as $name => $value) {
            $info->$name = $value;
        }
        $info->configbefore = self::config_rows((int) $info->instance);
    }

    protected static function check(array $given): void {
        if ($given['grade'] !== null && ($given['grade'] < 0 || $given['grade'] > 10000)) {
            guard::refuse('grade', 'must be from 0 (no grade) to 10000');
        }
        if ($given['maxattempts'] !== null && $given['maxattempts'] !== -1 && $given['maxattempts'] < 1) {
            guard::refuse('maxattempts', 'must be 1 or more, or -1 for any number');
        }
        if ($given['maxfiles'] !== null && ($given['maxfiles'] < 1 || $given['maxfiles'] > 20)) {
            guard::refuse('maxfiles', 'must be from 1 to 20');
        }
        foreach (['maxbytes', 'wordlimit'] as $name) {
            if ($given[$name] !== null && $given[$name] < 0) {
                guard::refuse($name, 'must not be negative');
            }
        }
        if (!empty($given['duedate']) && !empty($given['allowsubmissionsfromdate']) &&
                $given['duedate'] <= $given['allowsubmissionsfromdate']) {
            guard::refuse('duedate', 'must come after allowsubmissionsfromdate');
        }
        if (!empty($given['cutoffdate']) && !empty($given['duedate']) && $given['cutoffdate'] < $given['duedate']) {
            guard::refuse('cutoffdate', 'must not come before duedate');
        }
    }

    protected static function apply(\stdClass $info, array $given): void {
        if ($given['activity'] !== null) {
            $draft = 0;
            if (!empty($info->coursemodule)) {
                file_prepare_draft_area($draft, \context_module::instance($info->coursemodule)->id, 'mod_assign',
                    'activityattachment', 0, ['subdirs' => true]);
            } else {
                $draft = file_get_unused_draft_itemid();
            }
            $info->activityeditor = ['text' => $given['activity'], 'format' => FORMAT_HTML, 'itemid' => $draft];
        }
        // Its name is that of a column, which would be written as it stood before.
        unset($info->activity);
        $info->assignsubmission_onlinetext_enabled = $info->onlinetext;
        $info->assignsubmission_onlinetext_wordlimit = $info->wordlimit;
        $info->assignsubmission_onlinetext_wordlimit_enabled = (int) ($info->wordlimit > 0);
        $info->assignsubmission_file_enabled = $info->files;
        $info->assignsubmission_file_maxfiles = $info->maxfiles;
        $info->assignsubmission_file_maxsizebytes = $info->maxbytes;
        $info->assignsubmission_file_filetypes = $info->filetypes;
    }

    protected static function finish(\stdClass $info, array $given): void {
        global $DB;
        if (!isset($info->configbefore)) {
            return;
        }
        // The update function switches off every plugin that the form did not mention.
        foreach (self::config_rows((int) $info->instance) as $row) {
            if (!self::is_ours($row)) {
                $DB->delete_records('assign_plugin_config', ['id' => $row->id]);
            }
        }
        foreach ($info->configbefore as $row) {
            if (!self::is_ours($row)) {
                unset($row->id);
                $DB->insert_record('assign_plugin_config', $row);
            }
        }
        $assign = new \assign(\context_module::instance($info->coursemodule), null, null);
        $DB->set_field('assign', 'nosubmissions', (int) !$assign->is_any_submission_plugin_enabled(),
            ['id' => $info->instance]);
    }

    protected static function stored(\stdClass $info): array {
        $stored = parent::stored($info);
        return self::plugin_settings((int) $stored['id']) + $stored;
    }

    /**
     * Whether the row belongs to a plugin whose settings are parameters here.
     *
     * @param \stdClass $row
     * @return bool
     */
    private static function is_ours(\stdClass $row): bool {
        return $row->subtype === 'assignsubmission' && in_array($row->plugin, ['onlinetext', 'file'], true);
    }

    /**
     * Return the settings of all plugins of an assignment.
     *
     * @param int $instance
     * @return \stdClass[]
     */
    private static function config_rows(int $instance): array {
        global $DB;
        return $DB->get_records('assign_plugin_config', ['assignment' => $instance]);
    }

    /**
     * Return the settings that are parameters here.
     *
     * @param int $instance
     * @return array
     */
    private static function plugin_settings(int $instance): array {
        $config = [];
        foreach (self::config_rows($instance) as $row) {
            if (self::is_ours($row)) {
                $config["$row->plugin $row->name"] = $row->value;
            }
        }
        return [
            'onlinetext' => (int) ($config['onlinetext enabled'] ?? 0),
            'wordlimit' => empty($config['onlinetext wordlimitenabled']) ? 0 : (int) $config['onlinetext wordlimit'],
            'files' => (int) ($config['file enabled'] ?? 0),
            'maxfiles' => (int) ($config['file maxfilesubmissions'] ?? 1),
            'maxbytes' => (int) ($config['file maxsubmissionsizebytes'] ?? 0),
            'filetypes' => (string) ($config['file filetypeslist'] ?? ''),
        ];
    }
}
