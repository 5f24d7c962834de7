<?php
/**
 * Chapters of books.
 *
 * @package local_mcpcompanion
 */

namespace local_mcpcompanion\local;

defined('MOODLE_INTERNAL') || die();

/** The checked title and text of a chapter. */
class chapter {
    /** @var string|null */
    private $title;

    /** @var text|null */
    private $content;

    /** @var bool */
    private $subchapter;

    /**
     * Check them.
     *
     * @param string $field the chapter's place in the arguments, for the refusal
     * @param array $given title and content, null where left out; perhaps subchapter
     * @param int $textformat
     */
    public function __construct(string $field, array $given, int $textformat) {
        $prefix = $field === '' ? '' : "$field.";
        $this->title = $given['title'] === null ? null : text::name("{$prefix}title", $given['title']);
        $this->content = $given['content'] === null ? null : new text("{$prefix}content", $given['content'], $textformat);
        $this->subchapter = !empty($given['subchapter']);
    }

    /**
     * Add it as the last chapter.
     *
     * @param \stdClass $cm the book's course module
     * @return array the answer
     */
    public function add_to(\stdClass $cm): array {
        global $DB;
        $last = (int) $DB->get_field('book_chapters', 'MAX(pagenum)', ['bookid' => $cm->instance]);
        $row = (object) [
            'bookid' => $cm->instance,
            'pagenum' => $last + 1,
            // The first chapter of a book can't be a subchapter.
            'subchapter' => (int) ($this->subchapter && $last > 0),
            'title' => $this->title,
            'content' => $this->content->html,
            'contentformat' => FORMAT_HTML,
            'hidden' => 0,
            'timecreated' => time(),
            'timemodified' => time(),
            'importsrc' => '',
        ];
        $row->id = $DB->insert_record('book_chapters', $row);
        return $this->written($cm, (int) $row->id, '\mod_book\event\chapter_created');
    }

    /**
     * Put it in the place of what a chapter says.
     *
     * @param \stdClass $cm the book's course module
     * @param \stdClass $row the row of book_chapters
     * @return array the answer
     */
    public function replace(\stdClass $cm, \stdClass $row): array {
        global $DB;
        $row->title = $this->title ?? $row->title;
        if ($this->content !== null) {
            $row->content = $this->content->html;
            $row->contentformat = FORMAT_HTML;
        }
        $row->timemodified = time();
        $DB->update_record('book_chapters', $row);
        return $this->written($cm, (int) $row->id, '\mod_book\event\chapter_updated');
    }

    /**
     * Do what Moodle does after a chapter was written.
     *
     * @param \stdClass $cm the book's course module
     * @param int $chapterid
     * @param string $event class of the event
     * @return array the answer
     */
    private function written(\stdClass $cm, int $chapterid, string $event): array {
        global $DB;
        $book = $DB->get_record('book', ['id' => $cm->instance], '*', MUST_EXIST);
        $DB->set_field('book', 'revision', $book->revision + 1, ['id' => $book->id]);
        $row = $DB->get_record('book_chapters', ['id' => $chapterid], '*', MUST_EXIST);
        $event::create_from_chapter($book, \context_module::instance($cm->id), $row)->trigger();
        $url = new \moodle_url('/mod/book/view.php', ['id' => $cm->id, 'chapterid' => $chapterid]);
        return [
            'chapterid' => $chapterid,
            'pagenum' => (int) $row->pagenum,
            'url' => $url->out(false),
            'removed' => $this->content === null ? [] : $this->content->removed,
        ];
    }
}
