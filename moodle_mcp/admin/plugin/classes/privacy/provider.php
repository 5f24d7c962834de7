<?php
/**
 * Says that the plugin stores no personal data.
 *
 * @package local_mcpcompanion
 */

namespace local_mcpcompanion\privacy;

defined('MOODLE_INTERNAL') || die();

/** What the functions write is stored by the activities themselves. */
class provider implements \core_privacy\local\metadata\null_provider {
    /**
     * Return the name of the string that gives the reason.
     *
     * @return string
     */
    public static function get_reason(): string {
        return 'privacy:metadata';
    }
}
