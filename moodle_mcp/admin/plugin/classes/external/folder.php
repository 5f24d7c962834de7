<?php
/**
 * Folders.
 *
 * @package local_mcpcompanion
 */

namespace local_mcpcompanion\external;

defined('MOODLE_INTERNAL') || die();

/** A folder of files. */
class folder extends with_files {
    protected const MODULE = 'folder';

    protected static function defaults(): array {
        return [
            'display' => 0,
            'showexpanded' => get_config('folder', 'showexpanded'),
            'showdownloadfolder' => 1,
            'forcedownload' => 1,
        ];
    }
}
