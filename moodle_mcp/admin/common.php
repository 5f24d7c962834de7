<?php
/* Functions that both programs share; moodle_mcp/admin/__init__.py copies them into each. */

/* Return text from the site or the command line so that it can't control a terminal. */
function moodle_mcp_plain(string $text): string {
    // Control characters, invisible ones and those that change the writing direction.
    $plain = preg_replace('/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u', ' ', $text);
    return $plain ?? preg_replace('/[^\x20-\x7e]/', '?', $text); // Null: the text is not UTF-8.
}

/* Print one line. */
function moodle_mcp_print(string $line): void {
    echo moodle_mcp_plain($line) . "\n";
}

/* End the program with status 1 and one line that says why. */
function moodle_mcp_stop(string $message): void {
    fwrite(STDERR, MOODLE_MCP_PROGRAM . ': ' . moodle_mcp_plain($message) . "\n");
    moodle_mcp_end(1);
}

/* Return the command-line arguments. */
function moodle_mcp_arguments(): array {
    $arguments = array_slice($_SERVER['argv'], 1);
    foreach ($arguments as $argument) {
        if (preg_match('/[[:cntrl:]]/', $argument)) {
            moodle_mcp_stop("'$argument' has control characters");
        }
    }
    return $arguments;
}

/* End the program on purpose; moodle_mcp_guard treats every other end as a failure. */
function moodle_mcp_end(int $status): void {
    defined('MOODLE_MCP_ENDED') || define('MOODLE_MCP_ENDED', true);
    exit($status);
}

/*
 * From here on the program fails with one line and status 1, whatever ends it: an exception, a
 * fatal error, a plugin that calls exit, output that can't be written. $advice follows that line.
 */
function moodle_mcp_guard(string $advice): void {
    set_exception_handler(function (Throwable $problem) use ($advice) {
        global $DB;
        if (!empty($DB) && $DB->is_transaction_started()) {
            $DB->force_transaction_rollback();
        }
        while (ob_get_level()) {
            ob_end_clean();
        }
        // Moodle's own handler prints the values of an SQL statement that failed. With debugging
        // on so does the message of a moodle_exception that has debuginfo (read in 4.5.6).
        $what = empty($problem->debuginfo) ? $problem->getMessage() : $problem->errorcode ?? '';
        moodle_mcp_stop(($problem instanceof RuntimeException ? '' : get_class($problem) . ': ') . $what . $advice);
    });
    register_shutdown_function(function () use ($advice) {
        if (defined('MOODLE_MCP_ENDED')) {
            return;
        }
        define('MOODLE_MCP_ENDED', true);
        while (ob_get_level()) {
            ob_end_clean();
        }
        fwrite(STDERR, MOODLE_MCP_PROGRAM . ": it was stopped before it was done$advice\n");
        // An exit here would skip the functions that are registered after this one.
        register_shutdown_function(function () {
            exit(1);
        });
    });
}

/* Whether files have owners and modes here. */
function moodle_mcp_has_modes(): bool {
    return DIRECTORY_SEPARATOR === '/';
}

/* Return the number of the user that this program runs as. */
function moodle_mcp_uid(): int {
    // Not every PHP has the extension posix. A new file belongs to the user that makes it.
    $file = function_exists('posix_geteuid') ? null : tmpfile();
    if ($file === false) {
        moodle_mcp_stop('no temporary file can be made in ' . sys_get_temp_dir());
    }
    return $file ? fstat($file)['uid'] : posix_geteuid();
}

/* Return the number of a user that is named or numbered on the command line. */
function moodle_mcp_user_number(string $option, string $name): int {
    if (ctype_digit($name)) {
        return (int) $name;
    }
    $entry = function_exists('posix_getpwnam') ? posix_getpwnam($name) : false;
    if (!$entry) {
        moodle_mcp_stop("--$option: the system has no user '$name'; give the user's number");
    }
    return $entry['uid'];
}

/*
 * Return why others could replace what is at a path: the path or a folder above it belongs to
 * somebody who is not in $owners, or has one of the modes in $mask and is not a folder with a
 * sticky bit. Null if they can't. Access control lists are not checked.
 */
function moodle_mcp_weakness(string $path, array $owners, int $mask): ?string {
    clearstatcache(true);
    for ($each = $path; ; $each = dirname($each)) {
        $stat = @stat($each);
        if (!$stat) {
            return "$each can't be checked";
        }
        if (!in_array($stat['uid'], $owners, true)) {
            return "$each belongs to user $stat[uid]";
        }
        $issticky = is_dir($each) && $stat['mode'] & 01000;
        if ($stat['mode'] & $mask && !$issticky) {
            return "others may write to $each (mode " . sprintf('%04o', $stat['mode'] & 07777) . ')';
        }
        if ($each === dirname($each)) {
            return null;
        }
    }
}

/* Return the path of the site's config.php, which this program is going to run. */
function moodle_mcp_config(?string $folder, ?string $owner): string {
    if ($folder === null) {
        moodle_mcp_stop("--moodle is missing: the folder that has Moodle's config.php");
    }
    // Run as root, Moodle leaves cache files behind that the web server can't write.
    if (moodle_mcp_has_modes() && moodle_mcp_uid() === 0) {
        moodle_mcp_stop("run it as the web server's user, not as root: sudo -u www-data php ...");
    }
    $config = realpath("$folder/config.php"); // False for phar:// and the like.
    if ($config === false || !is_file($config) || !is_readable($config)) {
        moodle_mcp_stop("there is no readable config.php in $folder");
    }
    if (moodle_mcp_has_modes()) {
        $owners = [0, moodle_mcp_uid()];
        if ($owner !== null) {
            $owners[] = moodle_mcp_user_number('owner', $owner);
        }
        // Its group is often that of the people who maintain the site.
        $weakness = moodle_mcp_weakness($config, $owners, 0002);
        if ($weakness !== null) {
            moodle_mcp_stop("config.php is run with your rights, and others could change it: $weakness. "
                . 'Fix that, or name an owner whom you trust with --owner=USER');
        }
    }
    return $config;
}
