<?php
/**
 * Books.
 *
 * @package local_mcpcompanion
 */

namespace local_mcpcompanion\external;

defined('MOODLE_INTERNAL') || die();

use local_mcpcompanion\local\chapter;
use local_mcpcompanion\local\guard;

/** A book. Chapters are added at its end. */
class book extends activity {
    protected const MODULE = 'book';
    protected const SETTINGS = ['numbering' => [PARAM_INT, 'Numbering of the chapters']];
    protected const REQUIRED = ['name'];

    protected static function defaults(): array {
        return ['numbering' => get_config('book', 'numbering'), 'navstyle' => 1, 'customtitles' => 0];
    }

    protected static function check(array $given): void {
        if ($given['numbering'] !== null && !in_array($given['numbering'], [0, 1, 2, 3], true)) {
            guard::refuse('numbering', 'must be 0 (none), 1 (numbers), 2 (bullets) or 3 (indented)');
        }
    }

    /**
     * Parameters.
     *
     * @return \external_function_parameters
     */
    public static function add_chapters_parameters() {
        return new \external_function_parameters([
            'cmid' => new \external_value(PARAM_INT, 'Course module'),
            'chapters' => new \external_multiple_structure(new \external_single_structure([
                'title' => new \external_value(PARAM_RAW, 'Title'),
                'content' => new \external_value(PARAM_RAW, 'Text'),
                'subchapter' => new \external_value(PARAM_BOOL, 'Whether it belongs to the one before', VALUE_DEFAULT, false),
            ])),
            'textformat' => new \external_value(PARAM_INT, 'Format of the texts', VALUE_DEFAULT, FORMAT_HTML),
        ]);
    }

    /**
     * Add chapters at the end of a book, all or none.
     *
     * @param int $cmid
     * @param array $chapters
     * @param int $textformat
     * @return array
     */
    public static function add_chapters($cmid, $chapters, $textformat = FORMAT_HTML) {
        $given = self::validate_parameters(self::add_chapters_parameters(), compact('cmid', 'chapters', 'textformat'));
        [$cm, $course] = guard::activity($given['cmid'], ['mod/book:edit'], 'book');
        if (!$given['chapters']) {
            guard::refuse('chapters', 'must not be empty');
        }
        $checked = [];
        foreach ($given['chapters'] as $number => $each) {
            $checked[] = new chapter("chapters[$number]", $each, $given['textformat']);
        }
        return guard::all_or_nothing($course->id, function() use ($cm, $checked) {
            $added = [];
            foreach ($checked as $each) {
                $added[] = $each->add_to($cm);
            }
            return $added;
        });
    }

    /**
     * Answer.
     *
     * @return \external_multiple_structure
     */
    public static function add_chapters_returns() {
        return new \external_multiple_structure(self::chapter_answer());
    }

    /**
     * Parameters.
     *
     * @return \external_function_parameters
     */
    public static function update_chapter_parameters() {
        return new \external_function_parameters([
            'chapterid' => new \external_value(PARAM_INT, 'Chapter'),
            'title' => new \external_value(PARAM_RAW, 'Title', VALUE_DEFAULT, null),
            'content' => new \external_value(PARAM_RAW, 'Text', VALUE_DEFAULT, null),
            'textformat' => new \external_value(PARAM_INT, 'Format of the text', VALUE_DEFAULT, FORMAT_HTML),
        ]);
    }

    /**
     * Change a chapter's title or text.
     *
     * @param int $chapterid
     * @param string|null $title
     * @param string|null $content
     * @param int $textformat
     * @return array
     */
    public static function update_chapter($chapterid, $title = null, $content = null, $textformat = FORMAT_HTML) {
        global $DB;
        $given = self::validate_parameters(self::update_chapter_parameters(),
            compact('chapterid', 'title', 'content', 'textformat'));
        $row = $DB->get_record('book_chapters', ['id' => $given['chapterid']]);
        if (!$row) {
            guard::refuse('chapterid', 'there is no chapter with this id');
        }
        $cm = get_coursemodule_from_instance('book', $row->bookid, 0, false, MUST_EXIST);
        [$cm, $course] = guard::activity((int) $cm->id, ['mod/book:edit'], 'book');
        if ($given['title'] === null && $given['content'] === null) {
            guard::refuse('title', 'give a title or a content');
        }
        $checked = new chapter('', $given, $given['textformat']);
        return guard::all_or_nothing($course->id, function() use ($cm, $row, $checked) {
            return $checked->replace($cm, $row);
        });
    }

    /**
     * Answer.
     *
     * @return \external_single_structure
     */
    public static function update_chapter_returns() {
        return self::chapter_answer();
    }

    /**
     * The answer about one chapter.
     *
     * @return \external_single_structure
     */
    private static function chapter_answer(): \external_single_structure {
        return new \external_single_structure([
            'chapterid' => new \external_value(PARAM_INT, 'Id'),
            'pagenum' => new \external_value(PARAM_INT, 'Place in the book'),
            'url' => new \external_value(PARAM_URL, 'Address'),
            'removed' => new \external_multiple_structure(
                new \external_value(PARAM_RAW, 'Element or attribute'), 'What was removed from the text'),
        ]);
    }
}
