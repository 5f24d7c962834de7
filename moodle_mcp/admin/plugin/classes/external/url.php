<?php
/**
 * Links.
 *
 * @package local_mcpcompanion
 */

namespace local_mcpcompanion\external;

defined('MOODLE_INTERNAL') || die();

use local_mcpcompanion\local\guard;

/** A link to another page. */
class url extends activity {
    protected const MODULE = 'url';
    protected const SETTINGS = ['externalurl' => [PARAM_RAW, 'Address']];
    protected const REQUIRED = ['name', 'externalurl'];

    protected static function defaults(): array {
        $config = get_config('url');
        return [
            'display' => $config->display,
            'popupwidth' => $config->popupwidth,
            'popupheight' => $config->popupheight,
            'printintro' => $config->printintro,
        ];
    }

    protected static function prepare_update(\stdClass $info, \stdClass $cm): void {
        foreach ((array) unserialize_array($info->displayoptions) as $name => $value) {
            $info->$name = $value;
        }
        $number = 0;
        foreach ((array) unserialize_array($info->parameters) as $parameter => $variable) {
            $info->{"parameter_$number"} = $parameter;
            $info->{"variable_$number"} = $variable;
            $number++;
        }
    }

    protected static function check(array $given): void {
        $url = $given['externalurl'];
        // Moodle also takes other schemes, such as javascript's.
        if ($url !== null && (!preg_match('~^https?://~i', $url) || clean_param($url, PARAM_URL) !== $url)) {
            guard::refuse('externalurl', 'must be an address that begins with http:// or https://');
        }
        if ($url !== null && html_entity_decode($url, ENT_QUOTES, 'UTF-8') !== $url) {
            guard::refuse('externalurl', 'must not be written as in HTML, such as &amp; for &');
        }
    }
}
