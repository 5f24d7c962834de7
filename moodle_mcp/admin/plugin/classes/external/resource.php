<?php
/**
 * Files.
 *
 * @package local_mcpcompanion
 */

namespace local_mcpcompanion\external;

defined('MOODLE_INTERNAL') || die();

/** A file for students; several, if one of them is the page that shows the others. */
class resource extends with_files {
    protected const MODULE = 'resource';

    protected static function defaults(): array {
        $config = get_config('resource');
        $defaults = [];
        foreach (['display', 'popupwidth', 'popupheight', 'printintro', 'showsize', 'showtype', 'showdate',
                'filterfiles'] as $name) {
            $defaults[$name] = $config->$name ?? 0;
        }
        return $defaults;
    }

    protected static function prepare_update(\stdClass $info, \stdClass $cm): void {
        foreach ((array) unserialize_array($info->displayoptions) as $name => $value) {
            $info->$name = $value;
        }
    }

    protected static function finish(\stdClass $info, array $given): void {
        parent::finish($info, $given);
        resource_set_mainfile((object) ['coursemodule' => $info->coursemodule, 'files' => 0]);
    }
}
