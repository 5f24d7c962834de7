<?php
/**
 * Texts as they are stored.
 *
 * @package local_mcpcompanion
 */

namespace local_mcpcompanion\local;

defined('MOODLE_INTERNAL') || die();

/** A text that was turned into clean HTML. */
class text {
    /** @var string the HTML to store */
    public $html;

    /** @var string[] names of elements and attributes that cleaning removed */
    public $removed;

    /**
     * Turn a text into HTML without scripts.
     *
     * Moodle does not clean what teachers write into activities. An agent may repeat what somebody
     * else wrote, so this does.
     *
     * @param string $field the argument, for the refusal
     * @param string $text the text
     * @param int $format FORMAT_HTML, FORMAT_PLAIN or FORMAT_MARKDOWN
     */
    public function __construct(string $field, string $text, int $format) {
        if ($format == FORMAT_MARKDOWN) {
            $html = markdown_to_html($text);
        } else if ($format == FORMAT_PLAIN) {
            $html = nl2br(s($text));
        } else if ($format == FORMAT_HTML) {
            $html = $text;
        } else {
            guard::refuse('textformat', 'must be 1 (HTML), 2 (plain) or 4 (Markdown)');
        }
        $this->html = clean_text($html, FORMAT_HTML);
        $this->removed = array_values(array_diff(self::names($html), self::names($this->html)));
        if (trim($text) !== '' && trim($this->html) === '') {
            guard::refuse($field, 'nothing of this text may be shown to others');
        }
    }

    /**
     * Return a name without space around it.
     *
     * Declared as PARAM_TEXT, Moodle would refuse a name with HTML without saying why.
     *
     * @param string $field the argument, for the refusal
     * @param string $name
     * @return string
     */
    public static function name(string $field, string $name): string {
        $name = trim($name);
        if ($name === '' || \core_text::strlen($name) > 255) {
            guard::refuse($field, 'must have 1 to 255 characters');
        }
        if (clean_param($name, PARAM_TEXT) !== $name) {
            guard::refuse($field, 'must have no HTML');
        }
        return $name;
    }

    /**
     * Return the names of all elements and attributes.
     *
     * @param string $html a part of a page
     * @return string[]
     */
    private static function names(string $html): array {
        if (trim($html) === '') {
            return [];
        }
        $document = new \DOMDocument();
        $before = libxml_use_internal_errors(true);
        $document->loadHTML('<?xml encoding="utf-8"?><body>' . $html . '</body>', LIBXML_NONET);
        libxml_clear_errors();
        libxml_use_internal_errors($before);
        $names = [];
        foreach ((new \DOMXPath($document))->query('//body//* | //body//@*') as $node) {
            $names[$node->nodeName] = true;
        }
        return array_keys($names);
    }
}
