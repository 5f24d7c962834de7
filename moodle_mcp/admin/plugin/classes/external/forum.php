<?php
/**
 * Forums.
 *
 * @package local_mcpcompanion
 */

namespace local_mcpcompanion\external;

defined('MOODLE_INTERNAL') || die();

use local_mcpcompanion\local\guard;

/** A forum. */
class forum extends activity {
    protected const MODULE = 'forum';
    protected const SETTINGS = [
        'type' => [PARAM_ALPHA, 'Type'],
        'forcesubscribe' => [PARAM_INT, 'Subscription'],
        'maxattachments' => [PARAM_INT, 'Files of one post'],
        'duedate' => [PARAM_INT, 'When posts are due'],
        'cutoffdate' => [PARAM_INT, 'When posting ends'],
    ];
    protected const REQUIRED = ['name'];
    private const TYPES = ['general', 'eachuser', 'single', 'qanda', 'blog'];

    protected static function defaults(): array {
        global $CFG;
        return [
            'type' => 'general',
            'forcesubscribe' => $CFG->forum_subscription ?? 0,
            'trackingtype' => $CFG->forum_trackingtype ?? 1,
            'maxbytes' => $CFG->forum_maxbytes ?? 0,
            'maxattachments' => $CFG->forum_maxattachments ?? 9,
            'displaywordcount' => 0,
            'assessed' => 0,
            'scale' => 100,
            'grade_forum' => 0,
            'grade_forum_notify' => 0,
            'duedate' => 0,
            'cutoffdate' => 0,
            'lockdiscussionafter' => 0,
            'blockperiod' => 0,
            'blockafter' => 0,
            'warnafter' => 0,
        ];
    }

    protected static function check(array $given): void {
        if ($given['type'] !== null && !in_array($given['type'], self::TYPES, true)) {
            guard::refuse('type', 'must be one of ' . implode(', ', self::TYPES));
        }
        if ($given['type'] !== null && isset($given['cmid'])) {
            self::refuse_new_type($given);
        }
        if ($given['type'] === 'single' && isset($given['sectionid']) && trim((string) $given['intro']) === '') {
            guard::refuse('intro', 'a forum of the type single needs a description: it is the discussion');
        }
        if ($given['forcesubscribe'] !== null && !in_array($given['forcesubscribe'], [0, 1, 2, 3], true)) {
            guard::refuse('forcesubscribe', 'must be 0 (optional), 1 (forced), 2 (automatic) or 3 (off)');
        }
        if ($given['maxattachments'] !== null && $given['maxattachments'] < 0) {
            guard::refuse('maxattachments', 'must not be negative');
        }
    }

    /**
     * Refuse another type for a forum that has discussions: they would not fit it.
     *
     * @param array $given
     */
    private static function refuse_new_type(array $given): void {
        global $DB;
        $cm = get_coursemodule_from_id('forum', $given['cmid'], 0, false, MUST_EXIST);
        $forum = $DB->get_record('forum', ['id' => $cm->instance], '*', MUST_EXIST);
        if ($forum->type !== $given['type'] && $DB->record_exists('forum_discussions', ['forum' => $forum->id])) {
            guard::refuse('type', 'the forum has discussions, so its type stays');
        }
    }
}
