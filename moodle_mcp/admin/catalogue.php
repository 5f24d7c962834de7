<?php
/*
 * Exports this Moodle site's web-service functions, including those of its plugins: names,
 * parameters, answers and the site's own descriptions, as one JSON document on standard output.
 * For moodle-mcp, which makes them typed tools (MOODLE_MCP_CATALOGUE=FILE).
 *
 * It reads the code and the table external_functions and changes nothing. The document has no
 * content of courses, no names of people, no settings and no tokens. Works with Moodle 4.1 and
 * newer. Run it as the web server's user:
 *
 *   sudo -u www-data php catalogue.php --moodle=/var/www/moodle > catalogue.json
 *
 *   --moodle=FOLDER    the folder that has Moodle's config.php
 *   --functions=GLOB   only functions whose names match, such as 'local_*'
 *   --owner=USER       config.php may also belong to this user, not only to you or root
 */

if (PHP_SAPI !== 'cli') {
    exit(1);
}

const MOODLE_MCP_PROGRAM = 'catalogue';

/*PARTS*/

/* A parameter or an answer as a tree of values, lists and objects. */
function moodle_mcp_tree($node): array {
    if (property_exists($node, 'keys')) {
        $tree = ['kind' => 'object', 'keys' => (object) array_map('moodle_mcp_tree', $node->keys)];
    } else if (property_exists($node, 'content')) {
        $tree = ['kind' => 'list', 'item' => moodle_mcp_tree($node->content)];
    } else {
        $tree = ['kind' => 'value', 'type' => (string) $node->type, 'allownull' => (bool) $node->allownull];
    }
    $presence = [VALUE_REQUIRED => 'required', VALUE_OPTIONAL => 'optional', VALUE_DEFAULT => 'default'];
    $tree['presence'] = $presence[(int) $node->required] ?? 'required';
    if ($tree['presence'] === 'default') {
        $tree['default'] = $node->default;
        if (is_int($node->default) && abs($node->default - time()) < DAYSECS) {
            // A default of "now" was computed for this export and is wrong at any other time.
            unset($tree['default']);
            $tree['presence'] = 'optional';
        }
    }
    if ((string) $node->desc !== '') {
        $tree['text'] = (string) $node->desc;
    }
    return $tree;
}

$options = ['functions' => '*'];
foreach (moodle_mcp_arguments() as $argument) {
    if (!preg_match('/^--(moodle|functions|owner)=(.+)$/sD', $argument, $match)) {
        moodle_mcp_stop("'$argument' is not an option: --moodle=FOLDER, --functions=GLOB, --owner=USER");
    }
    $options[$match[1]] = $match[2];
}
$config = moodle_mcp_config($options['moodle'] ?? null, $options['owner'] ?? null);

// Only the document is written: no PHP warnings, nothing that a plugin prints.
ob_start();
moodle_mcp_guard('. Nothing was written');
define('CLI_SCRIPT', true);
require($config);
moodle_mcp_guard('. Nothing was written'); // Moodle has set a handler of its own.
ini_set('display_errors', 'stderr');
if (!class_exists('\core_external\external_api')) {
    require_once($CFG->libdir . '/externallib.php'); // Moodle 4.1.
    class_alias('external_api', 'core_external\external_api');
}

$functions = [];
foreach ($DB->get_records('external_functions', null, 'name') as $row) {
    if (!fnmatch($options['functions'], $row->name)) {
        continue;
    }
    try {
        $info = \core_external\external_api::external_function_info($row);
        $function = [
            'component' => $row->component,
            'access' => $info->type ?? null,
            'text' => (string) ($info->description ?? ''),
            'capabilities' => array_values(array_filter(array_map('trim', explode(',', (string) $row->capabilities)), 'strlen')),
            'deprecated' => !empty($info->deprecated),
            'params' => moodle_mcp_tree($info->parameters_desc),
            'returns' => $info->returns_desc === null ? null : moodle_mcp_tree($info->returns_desc),
        ];
        $functions[$row->name] = $function;
    } catch (Throwable $problem) {
        fwrite(STDERR, moodle_mcp_plain("catalogue: $row->name was left out: {$problem->getMessage()}") . "\n");
    }
}

$document = ['format' => 'moodle-mcp/catalogue/1', 'site' => $CFG->wwwroot, 'release' => $CFG->release,
    'functions' => (object) $functions];
$json = json_encode($document, JSON_UNESCAPED_SLASHES | JSON_UNESCAPED_UNICODE | JSON_INVALID_UTF8_SUBSTITUTE | JSON_PRESERVE_ZERO_FRACTION);
if ($json === false) {
    moodle_mcp_stop('the functions can\'t be written as JSON: ' . json_last_error_msg());
}
while (ob_get_level()) {
    ob_end_clean();
}
echo "$json\n";
fwrite(STDERR, 'catalogue: ' . count($functions) . " functions\n");
moodle_mcp_end(0);
