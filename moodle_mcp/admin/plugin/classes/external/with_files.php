<?php
/**
 * What activities made of uploaded files have in common.
 *
 * @package local_mcpcompanion
 */

namespace local_mcpcompanion\external;

defined('MOODLE_INTERNAL') || die();

use local_mcpcompanion\local\guard;

/** Files and folders: their files come from the user's draft area. */
abstract class with_files extends activity {
    protected const SETTINGS = ['draftitemid' => [PARAM_INT, 'Uploaded files']];
    protected const REQUIRED = ['name', 'draftitemid'];

    protected static function check(array $given): void {
        if ($given['draftitemid'] !== null && !self::drafts($given['draftitemid'])) {
            guard::refuse('draftitemid', 'there are no uploaded files under this id; upload them first, as the same user');
        }
    }

    protected static function apply(\stdClass $info, array $given): void {
        $info->files = (int) $given['draftitemid'];
    }

    protected static function finish(\stdClass $info, array $given): void {
        if ($given['draftitemid'] === null) {
            return;
        }
        $context = \context_module::instance($info->coursemodule);
        $component = 'mod_' . static::MODULE;
        // The folder's update function looks for the id in the form that was sent, and finds none.
        file_save_draft_area_files($given['draftitemid'], $context->id, $component, 'content', 0, ['subdirs' => true]);
        $stored = get_file_storage()->get_area_files($context->id, $component, 'content', 0, 'id', false);
        if (self::hashes($stored) !== self::hashes(self::drafts($given['draftitemid']))) {
            throw new \moodle_exception('notstored', 'local_mcpcompanion', '', 'draftitemid');
        }
    }

    /**
     * Return the files of the user's draft area.
     *
     * @param int $draftitemid
     * @return \stored_file[]
     */
    private static function drafts(int $draftitemid): array {
        global $USER;
        $context = \context_user::instance($USER->id);
        return get_file_storage()->get_area_files($context->id, 'user', 'draft', $draftitemid, 'id', false);
    }

    /**
     * Return the content's hash of each file by path and name.
     *
     * @param \stored_file[] $files
     * @return string[]
     */
    private static function hashes(array $files): array {
        $hashes = [];
        foreach ($files as $file) {
            $hashes[$file->get_filepath() . $file->get_filename()] = $file->get_contenthash();
        }
        ksort($hashes);
        return $hashes;
    }
}
