<?php
/**
 * Quizzes.
 *
 * @package local_mcpcompanion
 */

namespace local_mcpcompanion\external;

defined('MOODLE_INTERNAL') || die();

use local_mcpcompanion\local\guard;

/** A quiz, without its questions. */
class quiz extends activity {
    protected const MODULE = 'quiz';
    protected const SETTINGS = [
        'timeopen' => [PARAM_INT, 'When it opens'],
        'timeclose' => [PARAM_INT, 'When it closes'],
        'timelimit' => [PARAM_INT, 'Seconds for an attempt'],
        'attempts' => [PARAM_INT, 'Attempts'],
        'grademethod' => [PARAM_INT, 'Which attempt counts'],
        'questionsperpage' => [PARAM_INT, 'Questions on a page'],
        'navmethod' => [PARAM_ALPHA, 'Order of navigation'],
        'shuffleanswers' => [PARAM_BOOL, 'Whether answers are shuffled'],
        'preferredbehaviour' => [PARAM_ALPHANUMEXT, 'How questions behave'],
    ];
    protected const REQUIRED = ['name'];

    /** What a student may see of an attempt, and when, as the quiz's form names them. */
    private const REVIEW = ['attempt', 'correctness', 'maxmarks', 'marks', 'specificfeedback', 'generalfeedback',
        'rightanswer', 'overallfeedback'];
    private const WHEN = ['during' => 0x10000, 'immediately' => 0x01000, 'open' => 0x00100, 'closed' => 0x00010];

    protected static function defaults(): array {
        $config = get_config('quiz');
        $defaults = [
            'timeopen' => 0,
            'timeclose' => 0,
            'quizpassword' => '',
            'grade' => $config->maximumgrade,
            'feedbacktext' => [['text' => '', 'format' => FORMAT_HTML, 'itemid' => 0]],
            'feedbackboundaries' => [],
        ];
        foreach (['timelimit', 'overduehandling', 'graceperiod', 'preferredbehaviour', 'canredoquestions', 'attempts',
                'attemptonlast', 'grademethod', 'decimalpoints', 'questiondecimalpoints', 'questionsperpage', 'navmethod',
                'shuffleanswers', 'subnet', 'browsersecurity', 'delay1', 'delay2', 'showuserpicture', 'showblocks'] as $name) {
            $defaults[$name] = $config->$name ?? 0;
        }
        return $defaults + self::review($config);
    }

    protected static function prepare_update(\stdClass $info, \stdClass $cm): void {
        global $CFG, $DB;
        require_once($CFG->dirroot . '/mod/quiz/locallib.php');
        foreach (self::review($info) as $name => $value) {
            $info->$name = $value;
        }
        $info->quizpassword = $info->password;
        // The update function deletes all feedback and writes what it gets.
        $info->feedbacktext = [];
        $info->feedbackboundaries = [];
        foreach ($DB->get_records('quiz_feedback', ['quizid' => $info->instance], 'mingrade DESC') as $feedback) {
            $draft = 0;
            $text = file_prepare_draft_area($draft, \context_module::instance($cm->id)->id, 'mod_quiz', 'feedback',
                $feedback->id, null, $feedback->feedbacktext);
            $info->feedbacktext[] = ['text' => $text, 'format' => $feedback->feedbacktextformat, 'itemid' => $draft];
            if ($feedback->mingrade > 0) {
                $info->feedbackboundaries[] = (string) (float) $feedback->mingrade;
            }
        }
        if (!$info->feedbacktext) {
            unset($info->feedbacktext);
        }
        $rules = class_exists('\mod_quiz\access_manager') ? '\mod_quiz\access_manager' : '\quiz_access_manager';
        foreach ($rules::load_settings($info->instance) as $name => $value) {
            $info->$name = $value;
        }
    }

    protected static function check(array $given): void {
        global $CFG;
        require_once($CFG->libdir . '/questionlib.php');
        if (!empty($given['timeopen']) && !empty($given['timeclose']) && $given['timeclose'] <= $given['timeopen']) {
            guard::refuse('timeclose', 'must come after timeopen');
        }
        foreach (['timelimit', 'attempts', 'questionsperpage'] as $name) {
            if ($given[$name] !== null && $given[$name] < 0) {
                guard::refuse($name, 'must not be negative');
            }
        }
        if ($given['attempts'] > 10) {
            guard::refuse('attempts', 'must be from 1 to 10, or 0 for any number');
        }
        if ($given['grademethod'] !== null && !in_array($given['grademethod'], [1, 2, 3, 4], true)) {
            guard::refuse('grademethod', 'must be 1 (highest), 2 (average), 3 (first) or 4 (last)');
        }
        if ($given['navmethod'] !== null && !in_array($given['navmethod'], ['free', 'sequential'], true)) {
            guard::refuse('navmethod', 'must be free or sequential');
        }
        $behaviours = array_keys(\question_engine::get_behaviour_options($given['preferredbehaviour'] ?? ''));
        if ($given['preferredbehaviour'] !== null && !in_array($given['preferredbehaviour'], $behaviours, true)) {
            guard::refuse('preferredbehaviour', 'must be one of ' . implode(', ', $behaviours));
        }
    }

    /**
     * Return the form's checkboxes for the bits of the review columns.
     *
     * @param \stdClass $row has reviewattempt and so on
     * @return array
     */
    private static function review(\stdClass $row): array {
        $boxes = [];
        foreach (self::REVIEW as $what) {
            foreach (self::WHEN as $when => $bit) {
                $boxes["$what$when"] = (int) (bool) ((int) ($row->{"review$what"} ?? 0) & $bit);
            }
        }
        return $boxes;
    }
}
