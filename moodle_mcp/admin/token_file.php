<?php
/* The file for the token; moodle_mcp/admin/__init__.py copies this into provision.php. */

/*
 * A new file for a token, which only its owner can read. It is created, filled with blanks and
 * checked before the site is changed, so that a full disk stops the program in time. Unless `keep`
 * is called, the file is removed when the program ends for any reason.
 */
final class moodle_mcp_token_file {
    /* The most characters that a token has: the length of its column in the database. */
    private const LENGTH = 128;

    private string $path;
    /** @var resource */
    private $handle;
    private bool $iskept = false;

    /* Return the full path of a file, or end the program if others could put something there. */
    public static function place(string $file): string {
        if (!moodle_mcp_has_modes()) {
            moodle_mcp_stop('--token-file: file modes on this system do not keep others from reading the token');
        }
        if (!preg_match('#^(.*/)?([^/]+)$#sD', $file, $match)) {
            moodle_mcp_stop("--token-file: $file does not name a file");
        }
        $folder = realpath($match[1] === '' ? '.' : $match[1]); // False for php:// and the like.
        if ($folder === false || !is_dir($folder)) {
            moodle_mcp_stop("--token-file: there is no folder $match[1]");
        }
        $weakness = moodle_mcp_weakness($folder, [0, moodle_mcp_uid()], 0022);
        if ($weakness !== null) {
            moodle_mcp_stop("--token-file: others could put something in the file's place: $weakness");
        }
        return rtrim($folder, '/') . "/$match[2]";
    }

    /* Create the file at a path that `place` returned. */
    public function __construct(string $path) {
        clearstatcache(true);
        // PHP follows a link before it opens a file, even a link to a file that doesn't exist.
        if (@lstat($path)) {
            moodle_mcp_stop("--token-file: $path exists already");
        }
        $mask = umask(0077);
        $handle = @fopen($path, 'x+');
        umask($mask);
        if (!$handle) {
            moodle_mcp_stop("--token-file: $path can't be made");
        }
        $this->path = $path;
        $this->handle = $handle;
        register_shutdown_function([$this, 'discard']);
        $this->check();
        $this->write(str_repeat(' ', self::LENGTH));
    }

    /* Stop unless the file has its path, its mode and no second name. */
    public function check(): void {
        clearstatcache(true);
        $open = fstat($this->handle);
        if (!$this->has($this->path)) {
            throw new RuntimeException("--token-file: somebody has replaced $this->path");
        }
        if ($open['mode'] !== 0100600 || $open['uid'] !== moodle_mcp_uid() || $open['nlink'] !== 1) {
            throw new RuntimeException("--token-file: $this->path can't be kept from others: its owner, mode or number of links is wrong");
        }
    }

    /* Write one line and check it; return what `matches` needs to recognise the file later. */
    public function write(string $line): array {
        $text = "$line\n";
        // The blanks already have space on the disk, so they are overwritten before the file is cut.
        $iswritten = rewind($this->handle) && @fwrite($this->handle, $text)
            && ftruncate($this->handle, strlen($text)) && fflush($this->handle)
            && (!function_exists('fsync') || fsync($this->handle)); // PHP 8.1.
        if (!$iswritten || !rewind($this->handle) || stream_get_contents($this->handle) !== $text) {
            throw new RuntimeException("--token-file: $this->path can't be written: perhaps the disk is full");
        }
        $this->check();
        return ['path' => $this->path, 'inode' => fstat($this->handle)['ino'], 'sha256' => hash('sha256', $text)];
    }

    /* Whether a path itself, not a link's target, is the open file. */
    private function has(string $path): bool {
        $open = fstat($this->handle);
        $there = @lstat($path);
        return $there && [$there['dev'], $there['ino']] === [$open['dev'], $open['ino']];
    }

    /* Keep the file after the end of the program. */
    public function keep(): void {
        $this->iskept = true;
    }

    /* Remove the file unless it is kept; a file that replaced it stays. */
    public function discard(): void {
        if ($this->iskept) {
            return;
        }
        $this->iskept = true;
        clearstatcache(true);
        ftruncate($this->handle, 0);
        $made = realpath($this->path); // Resolved, because a link may have been put there since.
        if ($made !== false && $this->has($made)) {
            unlink($made);
        }
    }

    /* Whether a file is the one that `write` described: the same file with the same content. */
    public static function matches(array $record): bool {
        clearstatcache(true);
        $stat = @lstat($record['path']);
        return $stat && ($stat['mode'] & 0170000) === 0100000 && $stat['ino'] === $record['inode']
            && @hash_file('sha256', $record['path']) === $record['sha256'];
    }
}
