<?php
/**
 * Texts on the course page.
 *
 * @package local_mcpcompanion
 */

namespace local_mcpcompanion\external;

defined('MOODLE_INTERNAL') || die();

use local_mcpcompanion\local\guard;

/** A text or media area: its description is the text. */
class label extends activity {
    protected const MODULE = 'label';
    protected const NAMED = false;
    protected const REQUIRED = ['intro'];

    protected static function defaults(): array {
        return ['showdescription' => 1];
    }
}
