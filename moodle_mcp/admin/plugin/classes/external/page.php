<?php
/**
 * Pages.
 *
 * @package local_mcpcompanion
 */

namespace local_mcpcompanion\external;

defined('MOODLE_INTERNAL') || die();

use local_mcpcompanion\local\guard;

/** A page: one text with an address of its own. */
class page extends activity {
    protected const MODULE = 'page';
    protected const SETTINGS = ['content' => [PARAM_RAW, 'Text of the page']];
    protected const TEXTS = ['content'];
    protected const REQUIRED = ['name', 'content'];

    protected static function defaults(): array {
        $config = get_config('page');
        return [
            'display' => $config->display,
            'popupwidth' => $config->popupwidth,
            'popupheight' => $config->popupheight,
            'printintro' => $config->printintro,
            'printlastmodified' => $config->printlastmodified,
            'contentformat' => FORMAT_HTML,
        ];
    }

    protected static function prepare_update(\stdClass $info, \stdClass $cm): void {
        global $CFG;
        require_once($CFG->dirroot . '/mod/page/locallib.php');
        $context = \context_module::instance($cm->id);
        $draft = 0;
        $text = file_prepare_draft_area($draft, $context->id, 'mod_page', 'content', 0, page_get_editor_options($context),
            $info->content);
        $info->page = ['text' => $text, 'format' => $info->contentformat, 'itemid' => $draft];
        foreach ((array) unserialize_array($info->displayoptions) as $name => $value) {
            $info->$name = $value;
        }
        $info->printintro = $info->printintro ?? 0;
        $info->printlastmodified = $info->printlastmodified ?? 1;
    }

    protected static function apply(\stdClass $info, array $given): void {
        if (isset($info->page) && $given['content'] !== null) {
            // The update function looks here, the add function at the columns.
            $info->page['text'] = $given['content'];
            $info->page['format'] = FORMAT_HTML;
        }
    }
}
