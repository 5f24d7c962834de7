<?php
/*
 * Prepares a Moodle site for moodle-mcp, with exactly what one user's agent needs.
 *
 * It takes these steps, unless they are done already:
 *
 *   1. web services and the REST protocol are switched on;
 *   2. an external service "moodle_mcp_..." has exactly the functions of the list below that you
 *      choose with --profile, and is open only to the users that you authorise;
 *   3. a role of the same short name may use the REST protocol (webservice/rest:use), nothing else;
 *   4. the user is authorised for the service and has the role in the system context;
 *   5. a token is made for the user, and printed once or written to a new file.
 *
 * The token lets an agent do what the user may do anyway, with the functions of the service only.
 * It gives nobody a right in a course: a teacher's own role in a course already does. An account
 * that has no roles of its own needs --grant (see --help).
 *
 * It records in the table config_plugins (plugin "moodle_mcp") what it has created and the previous
 * settings; for a token's file its path, inode and SHA-256, by which --undo recognises it. Each step
 * is one transaction; creating the token, writing its file and deleting older tokens are one.
 * --dry-run changes nothing and says what would change. --undo reverts what it has made. Works with
 * Moodle 4.1 and newer.
 */

if (PHP_SAPI !== 'cli') {
    exit(1);
}

const MOODLE_MCP_PROGRAM = 'provision';

/* The functions by profile, with what each may do to the site's data. Filled in by moodle-mcp. */
const MOODLE_MCP_LISTS = [
    /*LISTS*/
];

/* The client's setting MOODLE_MCP_TOOLS if that is not a profile. Filled in by moodle-mcp. */
const MOODLE_MCP_CHOSEN = '/*CHOSEN*/';

/*PARTS*/

/* Capabilities that functions ask for without declaring them (seen on Moodle 4.5). */
const MOODLE_MCP_UNDECLARED = [
    'core_competency_list_user_plans' => ['moodle/competency:planview'],
    'core_completion_get_activities_completion_status' => ['report/progress:view'],
    'gradereport_overview_get_course_grades' => ['moodle/grade:viewall'],
    'gradereport_user_get_grade_items' => ['moodle/grade:viewall'],
    'gradereport_user_get_grades_table' => ['moodle/grade:viewall'],
    'mod_quiz_get_attempt_review' => ['mod/quiz:viewreports'],
    'mod_quiz_get_user_attempts' => ['mod/quiz:viewreports'],
    'mod_quiz_get_user_best_grade' => ['mod/quiz:viewreports'],
    'report_competency_data_for_report' => ['moodle/competency:usercompetencyview'],
];

const MOODLE_MCP_HELP = <<<'TEXT'
Prepares a Moodle site for moodle-mcp. Run it as the web server's user, for example:

  sudo -u www-data php provision.php --moodle=/var/www/moodle --profile=teacher --user=theo

  --moodle=FOLDER     the folder that has Moodle's config.php
  --owner=USER        config.php may also belong to this user, not only to you or root
  --user=NAME         the user name of the user that the agent acts for
  --profile=NAME      the list of functions: {profiles}
  --functions=A,B     these functions instead, by their full names
  --access=LEVEL      the most that functions may do: read, write or destructive (the default:
                      all functions)
  --service=NAME      short name of the service and the role (default: moodle_mcp_PROFILE)
  --expires=DAYS      the token expires after so many days (at midnight UTC); run again
                      with it to change the date
  --ip=ADDRESSES      the token works only from these comma-separated addresses, such as
                      192.0.2.7 or 192.0.2.0/24
  --token-file=FILE   write the token to a new file that only you can read, instead of
                      printing it. Only you and root may have write access to its folder
  --new-token         replace the user's token of this service
  --restful           also enable the RESTful protocol, if that plugin is installed
  --grant             for an account without roles in courses: the role also gets, FOR THE WHOLE
                      SITE, the capabilities that the functions need. For functions that only
                      read these are never capabilities that write
  --capability=A,B    the role gets these capabilities too, for the whole site
  --may-assign=A,B    the role may assign these roles (student, ...): needed for enrolling users
  --dry-run           change nothing; say what would change
  --undo              revert what this program has made for the profile or service, including
                      token files; with --user only what it made for this user
  --help              this text

TEXT;

/* The options of the command line, by name; true for those without a value. */
function moodle_mcp_options(array $arguments): array {
    $flags = ['new-token', 'restful', 'grant', 'dry-run', 'undo', 'help'];
    $values = ['moodle', 'owner', 'user', 'profile', 'functions', 'access', 'service', 'expires', 'ip',
        'token-file', 'capability', 'may-assign'];
    $options = [];
    foreach ($arguments as $argument) {
        if (!preg_match('/^--([a-z-]+)(?:=(.+))?$/s', $argument, $match)) {
            moodle_mcp_stop("'$argument' is not an option; see --help");
        }
        $name = $match[1];
        $hasvalue = isset($match[2]);
        if (!in_array($name, $hasvalue ? $values : $flags, true)) {
            if (in_array($name, $values, true)) {
                moodle_mcp_stop("--$name needs a value: --$name=...");
            }
            moodle_mcp_stop("--$name is not an option" . ($hasvalue ? ' with a value' : '') . '; see --help');
        }
        if (isset($options[$name])) {
            moodle_mcp_stop("--$name is given twice");
        }
        $options[$name] = $hasvalue ? $match[2] : true;
    }
    return $options;
}

/* The names in a comma-separated list. */
function moodle_mcp_names(string $text): array {
    return array_values(array_unique(array_filter(array_map('trim', explode(',', $text)), 'strlen')));
}

/* The functions that were asked for: name => read, write or destructive. */
function moodle_mcp_wanted(string $profile, array $options): array {
    $wanted = MOODLE_MCP_LISTS[$profile] ?? [];
    if (isset($options['functions'])) {
        // Unclassified functions count as destructive.
        $known = array_merge(...array_values(MOODLE_MCP_LISTS));
        $wanted = [];
        foreach (moodle_mcp_names($options['functions']) as $name) {
            $wanted[$name] = $known[$name] ?? 'destructive';
        }
    }
    $levels = ['read' => 1, 'write' => 2, 'destructive' => 3];
    $level = $levels[$options['access'] ?? 'destructive'] ?? 0;
    if (!$level) {
        moodle_mcp_stop('--access must be read, write or destructive');
    }
    $wanted = array_filter($wanted, function ($access) use ($levels, $level) {
        return $levels[$access] <= $level;
    });
    // Says whom the token belongs to and what it may do; moodle-mcp asks it first.
    $wanted['core_webservice_get_site_info'] = 'read';
    ksort($wanted);
    return $wanted;
}

$options = moodle_mcp_options(moodle_mcp_arguments());
if (isset($options['help']) || !$options) {
    echo str_replace('{profiles}', implode(', ', array_keys(MOODLE_MCP_LISTS)), MOODLE_MCP_HELP);
    moodle_mcp_end(isset($options['help']) ? 0 : 1);
}

$profile = $options['profile'] ?? (isset($options['functions']) ? 'functions' : array_key_first(MOODLE_MCP_LISTS));
if (!isset($options['profile']) && !isset($options['functions']) && count(MOODLE_MCP_LISTS) > 1
        && !(isset($options['undo'], $options['service']))) {
    moodle_mcp_stop('--profile is missing: ' . implode(', ', array_keys(MOODLE_MCP_LISTS)));
}
if (isset($options['profile']) && !isset(MOODLE_MCP_LISTS[$profile])) {
    moodle_mcp_stop("there is no profile '$profile': " . implode(', ', array_keys(MOODLE_MCP_LISTS)));
}
if (isset($options['profile'], $options['functions'])) {
    moodle_mcp_stop('give --profile or --functions, not both');
}
if (!isset($options['user']) && !isset($options['undo'])) {
    moodle_mcp_stop('--user is missing: the user name of the user that the agent acts for');
}
$shortname = $options['service'] ?? "moodle_mcp_$profile";
if (!preg_match('/^[a-z0-9_]{1,90}$/D', $shortname)) {
    moodle_mcp_stop('--service must be a short name of lowercase letters, digits and underscores');
}
if (isset($options['expires']) && !preg_match('/^[1-9]\d{0,3}$/D', $options['expires'])) {
    moodle_mcp_stop('--expires must be a number of days, 1 to 9999');
}
if (isset($options['ip']) && !preg_match('#^[0-9a-fA-F.:/,-]{1,255}$#D', $options['ip'])) {
    moodle_mcp_stop('--ip must be addresses such as 192.0.2.7 or 192.0.2.0/24, comma-separated');
}
$wanted = moodle_mcp_wanted($profile, $options);
$dryrun = isset($options['dry-run']);

$config = moodle_mcp_config($options['moodle'] ?? null, $options['owner'] ?? null);
$path = isset($options['token-file']) && !isset($options['undo']) ? moodle_mcp_token_file::place($options['token-file']) : null;

$advice = isset($options['undo']) ? '. The steps that were said to be done are done: run it again'
    : '. No token was made. The other steps that were said to be done are done: run it again, or with --undo';
moodle_mcp_guard($advice);
define('CLI_SCRIPT', true);
require($config);
moodle_mcp_guard($advice); // Moodle has set a handler of its own.
require_once($CFG->libdir . '/adminlib.php');
require_once($CFG->dirroot . '/webservice/lib.php');
if (!class_exists('\core_external\util')) {
    require_once($CFG->libdir . '/externallib.php'); // Moodle 4.1.
}
if (moodle_needs_upgrading()) {
    moodle_mcp_stop('the site is being upgraded: finish that first');
}
// Two runs at once would overwrite each other's records. The lock is released at the end, before
// Moodle looks for forgotten locks: with one of them Moodle 4.1 ends with status 255 (observed).
$lock = null;
core_shutdown_manager::register_function(function () use (&$lock) {
    if ($lock) {
        $lock->release();
    }
});
$lock = $dryrun ? null : \core\lock\lock_config::get_lock_factory('moodle_mcp')->get_lock('provision', 0);
if ($lock === false) {
    moodle_mcp_stop('another run of this program is changing the site: wait until it ends');
}
\core\session\manager::set_user(get_admin()); // Moodle's own log names this user.

$system = context_system::instance();
$manager = new webservice();
$memory = json_decode((string) get_config('moodle_mcp', 'made'), true) ?: [];
$memory += ['services' => []];
$changes = 0;

$say = function (string $verdict, string $what) {
    moodle_mcp_print(sprintf('%-7s %s', $verdict, $what));
};
$remember = function () use (&$memory) {
    if ($memory === ['services' => []]) {
        unset_config('made', 'moodle_mcp');
    } else {
        set_config('made', json_encode($memory), 'moodle_mcp');
    }
};
// One step: "ok" if done already, else do it; with --dry-run only print it.
$step = function (bool $isso, string $what, callable $do) use ($say, $dryrun, &$changes, $DB) {
    if ($isso) {
        $say('ok', $what);
        return;
    }
    $changes++;
    if (!$dryrun) {
        $transaction = $DB->start_delegated_transaction(); // moodle_mcp_guard rolls it back.
        $do();
        $transaction->allow_commit();
    }
    $say($dryrun ? 'would' : 'done', $what);
};
$setting = function (string $name, ?string $value) use ($CFG) {
    $before = $CFG->$name ?? null;
    $value === null ? unset_config($name) : set_config($name, $value);
    add_to_config_log($name, $before, $value, null);
};
$event = function (string $name, int $id, array $more = []) {
    $class = "\\core\\event\\$name";
    $class::create(['objectid' => $id] + $more)->trigger();
};
$protocols = function () use ($CFG): array {
    return moodle_mcp_names((string) ($CFG->webserviceprotocols ?? ''));
};

// What an earlier run has made, if it is still there.
$service = $DB->get_record('external_services', ['shortname' => $shortname]) ?: null;
$role = $DB->get_record('role', ['shortname' => $shortname]) ?: null;
$made = $memory['services'][$shortname] ?? [];
foreach (['service' => $service, 'role' => $role] as $kind => $record) {
    if ($record && (int) $record->id !== ($made[$kind] ?? 0)) {
        moodle_mcp_stop("there is a $kind '$shortname' that this program has not created; choose another name with --service");
    }
}

$user = null;
if (isset($options['user'])) {
    $user = $DB->get_record('user', ['username' => $options['user'], 'mnethostid' => $CFG->mnet_localhost_id, 'deleted' => 0]);
    if (!$user || isguestuser($user)) {
        moodle_mcp_stop("there is no user with the user name '{$options['user']}'");
    }
}
foreach (moodle_mcp_names($options['capability'] ?? '') as $capability) {
    if (!get_capability_info($capability)) {
        moodle_mcp_stop("--capability: the site has no capability '$capability'");
    }
}
$assignable = [];
foreach (moodle_mcp_names($options['may-assign'] ?? '') as $name) {
    $assignable[$name] = $DB->get_field('role', 'id', ['shortname' => $name]);
    if (!$assignable[$name]) {
        moodle_mcp_stop("--may-assign: the site has no role '$name'");
    }
}
if (isset($options['restful']) && !get_capability_info('webservice/restful:use')) {
    moodle_mcp_stop('--restful: the plugin webservice_restful is not installed');
}
$tokenquery = ['externalserviceid' => $service->id ?? 0, 'tokentype' => EXTERNAL_TOKEN_PERMANENT];
$tokens = $user ? $DB->get_records('external_tokens', $tokenquery + ['userid' => $user->id], 'timecreated DESC') : [];
$live = array_filter($tokens, function ($token) {
    return !$token->validuntil || $token->validuntil > time();
});
$makestoken = !$live || isset($options['new-token']);
foreach ([dirname($config), realpath($CFG->dirroot)] as $served) {
    if ($path !== null && $served !== false && strpos($path, "$served/") === 0) {
        moodle_mcp_stop("--token-file: the web server may serve files in $served");
    }
}

// What config.php itself sets can't be changed from here.
$fixed = $CFG->config_php_settings;
$wsisoff = isset($fixed['enablewebservices']) && empty($CFG->enablewebservices);
$restisoff = isset($fixed['webserviceprotocols']) && !in_array('rest', $protocols(), true);
if (!isset($options['undo']) && ($wsisoff || $restisoff)) {
    moodle_mcp_stop("the site's config.php sets " . ($wsisoff ? 'enablewebservices' : 'webserviceprotocols') . ': change it there');
}

$file = null;
if ($path !== null && $makestoken) {
    if ($dryrun && @lstat($path)) {
        moodle_mcp_stop("--token-file: $path exists already");
    }
    $file = $dryrun ? null : new moodle_mcp_token_file($path);
}

moodle_mcp_print("$SITE->fullname, Moodle $CFG->release, $CFG->wwwroot");

// ---- Undo ----------------------------------------------------------------------------------------

if (isset($options['undo'])) {
    $isused = function (array $where) use ($DB, $service): bool {
        return $service && $DB->record_exists('external_services_users', ['externalserviceid' => $service->id] + $where);
    };
    $removefiles = function () use ($step, $say, $user, $shortname, $dryrun, &$memory, $remember) {
        foreach ($memory['services'][$shortname]['files'] ?? [] as $number => $made) {
            if ($user && (int) $user->id !== $made['user']) {
                continue;
            }
            $forget = function () use ($shortname, $number, &$memory, $remember) {
                unset($memory['services'][$shortname]['files'][$number]);
                $remember();
            };
            if (moodle_mcp_token_file::matches($made)) {
                $step(false, "file $made[path] is gone", function () use ($made, $forget) {
                    if (!@unlink($made['path'])) {
                        throw new RuntimeException("$made[path] can't be removed; its token no longer works. Remove it yourself");
                    }
                    $forget();
                });
                continue;
            }
            if (@lstat($made['path'])) {
                $say('note', "$made[path] stays: it is not, or can't be seen to be, the file that this program made");
            }
            if (!$dryrun) {
                $forget();
            }
        }
    };
    if ($user) {
        $step(!$tokens, "$user->username has no token of $shortname", function () use ($tokens, $manager) {
            foreach ($tokens as $token) {
                $manager->delete_user_ws_token($token->id);
            }
        });
        $step(!$isused(['userid' => $user->id]), "$user->username is not authorised for $shortname",
            function () use ($manager, $user, $service) {
                $manager->remove_ws_authorised_user($user, $service->id);
            });
        $hasrole = $role && user_has_role_assignment($user->id, $role->id, $system->id);
        $step(!$hasrole, "$user->username does not have the role $shortname", function () use ($role, $user, $system) {
            role_unassign($role->id, $user->id, $system->id);
        });
        $removefiles();
    } else {
        $count = $DB->count_records('external_tokens', $tokenquery);
        $step(!$service, "service $shortname is gone" . ($count ? " with its $count token(s)" : ''),
            function () use ($manager, $service, $event) {
                $manager->delete_service($service->id);
                $event('webservice_service_deleted', $service->id);
            });
        $step(!$role, "role $shortname is gone", function () use ($role) {
            delete_role($role->id);
        });
        $removefiles();
        if (!$dryrun) {
            unset($memory['services'][$shortname]);
            $remember();
        }
        // The settings are only restored if nothing else needs them now.
        $others = array_diff(array_keys($memory['services']), [$shortname]);
        $needed = $DB->get_fieldset_sql(
            'SELECT DISTINCT s.name FROM {external_services} s JOIN {external_tokens} t ON t.externalserviceid = s.id
              WHERE s.enabled = 1 AND s.id <> ?', [$service->id ?? 0]);
        $switched = isset($memory['webservices']) || isset($memory['protocols']);
        if ($switched && ($others || $needed || !empty($CFG->enablemobilewebservice))) {
            $say('ok', 'web services and protocols stay on: ' . (implode(', ', $others ?: $needed) ?: 'the mobile app') . ' needs them');
        } else if ($switched) {
            $added = $memory['protocols']['added'] ?? [];
            $left = implode(',', array_diff($protocols(), $added));
            $step(!$added, 'protocols are as before: ' . ($left ?: 'none'), function () use ($setting, $left, &$memory) {
                // If there was no such row before, remove it again.
                $setting('webserviceprotocols', $left === '' && $memory['protocols']['before'] === null ? null : $left);
                unset($memory['protocols']);
            });
            $step(!isset($memory['webservices']), 'web services are off as before', function () use ($setting, &$memory) {
                $setting('enablewebservices', $memory['webservices']['before']);
                unset($memory['webservices']);
            });
            if (!$dryrun) {
                $remember();
            }
        }
    }
    echo $changes ? '' : "Nothing to undo.\n";
    moodle_mcp_end(0);
}

// ---- 1. Web services and the protocol ------------------------------------------------------------

$uses = ['rest'];
if (isset($options['restful'])) {
    $uses[] = 'restful';
}
$step(!empty($CFG->enablewebservices), 'web services are on', function () use ($setting, $remember, &$memory, $CFG) {
    $memory['webservices'] = ['before' => $CFG->enablewebservices ?? null];
    $remember();
    $setting('enablewebservices', '1');
});
foreach ($uses as $protocol) {
    $step(in_array($protocol, $protocols(), true), "protocol $protocol is on",
        function () use ($protocol, $protocols, $setting, $remember, &$memory, $CFG) {
            $memory += ['protocols' => ['before' => $CFG->webserviceprotocols ?? null, 'added' => []]];
            $memory['protocols']['added'][] = $protocol;
            $remember();
            $setting('webserviceprotocols', implode(',', array_merge($protocols(), [$protocol])));
        });
}

// ---- 2. The service ------------------------------------------------------------------------------

$reads = !array_diff($wanted, ['read']);
$shape = [
    'name' => 'moodle-mcp: ' . preg_replace('/^moodle_mcp_/', '', $shortname),
    'enabled' => 1,
    'restrictedusers' => 1,
    'requiredcapability' => '',
    'downloadfiles' => 1,
    'uploadfiles' => $reads ? 0 : 1, // Uploading is of use only to functions that write.
];
$same = $service && !array_diff_assoc($shape, array_map('strval', (array) $service));
$step($same, "service $shortname is enabled, for authorised users only",
    function () use ($manager, $shape, $shortname, &$service, &$memory, $remember, $event) {
        if ($service) {
            $manager->update_external_service((object) ($shape + ['id' => $service->id]));
            $event('webservice_service_updated', $service->id);
        } else {
            $id = $manager->add_external_service((object) ($shape + ['shortname' => $shortname]));
            $memory['services'][$shortname]['service'] = (int) $id;
            $remember();
            $event('webservice_service_created', $id);
        }
        $service = (object) ($shape + ['id' => $service->id ?? $id, 'shortname' => $shortname]);
    });

$known = $DB->get_records_list('external_functions', 'name', array_keys($wanted), '', 'name, capabilities');
$unknown = array_diff(array_keys($wanted), array_keys($known));
$present = $service ? $DB->get_fieldset_select('external_services_functions', 'functionname', 'externalserviceid = ?', [$service->id]) : [];
$missing = array_diff(array_keys($known), $present);
$surplus = array_diff($present, array_keys($known));
$kinds = array_count_values(array_intersect_key($wanted, $known));
$step(!$missing && !$surplus, 'service has exactly ' . count($known) . ' functions ('
    . implode(', ', array_map(function ($kind) use ($kinds) {
        return "$kinds[$kind] $kind";
    }, array_keys($kinds))) . ')'
    . ($missing && $present ? '; new: ' . implode(', ', $missing) : '')
    . ($surplus ? '; removed: ' . implode(', ', $surplus) : ''),
    function () use ($manager, $missing, $surplus, &$service) {
        foreach ($missing as $name) {
            $manager->add_external_function_to_service($name, $service->id);
        }
        foreach ($surplus as $name) {
            $manager->remove_external_function_from_service($name, $service->id);
        }
    });
if ($unknown) {
    $say('note', 'left out, since this site does not have them: ' . implode(', ', $unknown));
}

// ---- 3. The role ---------------------------------------------------------------------------------

$capabilities = [];
foreach ($uses as $protocol) {
    $capabilities["webservice/$protocol:use"] = true;
}
// Which functions name each capability. A function that only reads also names some that write, as
// moodle/user:update: with them it shows more. These are never granted for its sake.
$needed = [];
$withheld = [];
foreach ($known as $name => $function) {
    $named = array_merge(moodle_mcp_names((string) $function->capabilities), MOODLE_MCP_UNDECLARED[$name] ?? []);
    if (preg_match('/^mod_([a-z0-9]+)_/', $name, $match)) {
        $named[] = "mod/$match[1]:view"; // Without it the activity is not there for the user.
    }
    foreach ($named as $capability) {
        $info = get_capability_info($capability); // Null for one of another release.
        if ($info && ($wanted[$name] !== 'read' || $info->captype === 'read')) {
            $needed[$capability][] = $name;
        } else if ($info) {
            $withheld[$capability][] = $name;
        }
    }
}
if (isset($options['grant'])) {
    // An account without roles must also be able to enter courses in which it is not enrolled.
    $capabilities += ['moodle/course:view' => true] + $needed;
}
foreach (moodle_mcp_names($options['capability'] ?? '') as $capability) {
    $capabilities[$capability] = true;
}
if ($assignable) {
    $capabilities['moodle/role:assign'] = true; // Of no use but for the roles that are named.
}
$capabilities = array_keys($capabilities);
sort($capabilities);

$step((bool) $role, "role $shortname, for the system context only",
    function () use ($shortname, &$role, &$memory, $remember) {
        $id = create_role("moodle-mcp: " . preg_replace('/^moodle_mcp_/', '', $shortname), $shortname,
            'What an agent of moodle-mcp needs; made and kept by provision.php.');
        $memory['services'][$shortname]['role'] = (int) $id;
        $remember();
        set_role_contextlevels($id, [CONTEXT_SYSTEM]);
        $role = (object) ['id' => $id];
    });
$has = $role ? $DB->get_fieldset_select('role_capabilities', 'capability', 'roleid = ? AND contextid = ? AND permission = ?',
    [$role->id, $system->id, CAP_ALLOW]) : [];
$add = array_diff($capabilities, $has);
$remove = array_diff($has, $capabilities);
$step(!$add && !$remove, 'role may: ' . implode(', ', $capabilities) . ($remove ? '; no longer: ' . implode(', ', $remove) : ''),
    function () use ($add, $remove, &$role, $system) {
        foreach ($add as $capability) {
            assign_capability($capability, CAP_ALLOW, $role->id, $system->id, true);
        }
        foreach ($remove as $capability) {
            unassign_capability($capability, $role->id, $system->id);
        }
    });
foreach (isset($options['grant']) ? array_diff_key($withheld, array_flip($capabilities)) : [] as $capability => $names) {
    $say('note', "$capability was not granted: it writes, and only functions that read name it (" . implode(', ', $names)
        . "). If one of them is refused: --capability=$capability");
}
foreach ($assignable as $name => $target) {
    $may = $role && $DB->record_exists('role_allow_assign', ['roleid' => $role->id, 'allowassign' => $target]);
    $step($may, "role may assign the role $name", function () use (&$role, $target) {
        core_role_set_assign_allowed($role->id, $target);
    });
}

// ---- 4. The user ---------------------------------------------------------------------------------

$authorised = $service && $DB->record_exists('external_services_users', ['externalserviceid' => $service->id, 'userid' => $user->id]);
$step($authorised, "$user->username is authorised for the service", function () use ($manager, $user, &$service, $event) {
    // No end date here: Moodle's own check of it is inverted. The token has one.
    $manager->add_ws_authorised_user((object) ['externalserviceid' => $service->id, 'userid' => $user->id]);
    $event('webservice_service_user_added', $service->id, ['relateduserid' => $user->id]);
});
$step($role && user_has_role_assignment($user->id, $role->id, $system->id), "$user->username has the role",
    function () use (&$role, $user, $system) {
        role_assign($role->id, $user->id, $system->id);
    });

// ---- 5. The token --------------------------------------------------------------------------------

$end = isset($options['expires']) ? (intdiv(time(), DAYSECS) + (int) $options['expires'] + 1) * DAYSECS : null;
$secret = null;
$handover = null;
if ($makestoken) {
    // The transaction commits after the token is written and printed; until then old tokens stay valid.
    $handover = $dryrun ? null : $DB->start_delegated_transaction();
    $step(false, ($live ? 'a new token in place of the old one' : 'a token') . ($end ? ' until ' . gmdate('Y-m-d H:i', $end) . ' UTC' : ' without an end')
        . (isset($options['ip']) ? " from {$options['ip']}" : ''),
        function () use ($service, $shortname, $user, $system, $end, $options, $tokens, $manager, $event, $DB, $file, &$memory, $remember, &$secret) {
            if ($file) {
                $file->check();
            }
            $make = class_exists('\core_external\util') ? ['\core_external\util', 'generate_token'] : 'external_generate_token';
            $secret = $make(EXTERNAL_TOKEN_PERMANENT, $service, (int) $user->id, $system, (int) $end, $options['ip'] ?? '', 'moodle-mcp');
            if ($file) {
                $memory['services'][$shortname]['files'][] = ['user' => (int) $user->id] + $file->write($secret);
                $remember();
            }
            foreach ($tokens as $token) {
                $manager->delete_user_ws_token($token->id);
            }
            $id = $DB->get_field('external_tokens', 'id', ['token' => $secret], MUST_EXIST);
            $event('webservice_token_created', $id, ['relateduserid' => $user->id, 'other' => ['auto' => true]]);
        });
} else {
    $token = reset($live);
    $wants = ['validuntil' => $end ?? $token->validuntil, 'iprestriction' => $options['ip'] ?? $token->iprestriction];
    $until = $wants['validuntil'] ? ' until ' . gmdate('Y-m-d H:i', $wants['validuntil']) . ' UTC' : ' without an end';
    $step($wants['validuntil'] == $token->validuntil && $wants['iprestriction'] == $token->iprestriction,
        "the token of " . gmdate('Y-m-d', $token->timecreated) . $until . ($wants['iprestriction'] ? " from {$wants['iprestriction']}" : ''),
        function () use ($DB, $token, $wants) {
            $DB->update_record('external_tokens', (object) ($wants + ['id' => $token->id]));
        });
    if ($path !== null) {
        $say('note', "nothing was written to $path: the existing token is still valid. --new-token replaces it");
    }
}

// ---- Remaining problems --------------------------------------------------------------------------

if (!$dryrun && !has_capability('webservice/rest:use', $system, $user)) {
    $say('WARNING', "another role of $user->username prohibits webservice/rest:use");
}
$until = $dryrun ? 0 : $DB->get_field('external_services_users', 'validuntil', ['externalserviceid' => $service->id, 'userid' => $user->id]);
if ($until > time()) {
    $say('WARNING', "the authorisation of $user->username has an end date, and Moodle refuses every call before it: remove the date");
}
if (is_siteadmin($user)) {
    $say('WARNING', "$user->username is a site administrator: only the service's list of functions limits the token");
}
if ($user->suspended || !$user->confirmed || $user->auth === 'nologin') {
    $say('WARNING', "$user->username can't use the token: the account is suspended, not confirmed or has no login");
}
if (get_user_preferences('auth_forcepasswordchange', false, $user)) {
    $say('WARNING', "$user->username must first log in and change the password");
}
if (user_not_fully_set_up($user, false)) {
    $say('WARNING', "$user->username must first log in and complete the profile");
}
if (!$user->policyagreed && !is_siteadmin($user) && (new \core_privacy\local\sitepolicy\manager())->is_defined()) {
    $say('WARNING', "$user->username must first log in and agree to the site's policy");
}
if (!empty($CFG->maintenance_enabled)) {
    $say('WARNING', 'the site is in maintenance mode: only users who may log in during maintenance can call functions');
}
if (!isset($options['grant']) && !is_siteadmin($user)) {
    // Only checks whether any role of the user, in any context, has the capability.
    $lacks = $dryrun ? [] : ($manager->get_missing_capabilities_by_users([$user], $service->id)[$user->id] ?? []);
    $lacks = array_intersect($lacks, array_keys($needed));
    if ($lacks) {
        $say('note', "no role of $user->username has " . implode(', ', $lacks)
            . ': calls that need one of them are refused or show less; see --grant in --help');
    }
}

// ---- For the client ------------------------------------------------------------------------------

if ($dryrun) {
    echo $changes ? "Nothing was changed; $changes step(s) would be.\n" : "Nothing would change.\n";
    moodle_mcp_end(0);
}
echo $changes ? "\n" : "Nothing had to be changed.\n\n";
echo "Settings for moodle-mcp:\n";
moodle_mcp_print("MOODLE_URL=$CFG->wwwroot");
if ($secret === null) {
    echo "MOODLE_TOKEN=(the existing token; --new-token creates another)\n";
} else {
    moodle_mcp_print($file ? "MOODLE_TOKEN_FILE=$path" : "MOODLE_TOKEN=$secret");
}
$chosen = MOODLE_MCP_CHOSEN === '' ? $profile : MOODLE_MCP_CHOSEN;
moodle_mcp_print('MOODLE_MCP_TOOLS=' . (isset($options['functions']) ? implode(',', array_keys($wanted)) : $chosen));
echo "MOODLE_MCP_ACCESS=read\n";
// No function lists the roles, and their ids differ between sites.
$roles = [];
foreach ($DB->get_records('role', [], 'sortorder') as $each) {
    if (!in_array($each->archetype ?? '', ['guest', 'user', 'frontpage'], true) && strpos($each->shortname, 'moodle_mcp_') !== 0) {
        $roles[] = "$each->shortname=$each->id";
    }
}
if ($roles) {
    moodle_mcp_print('MOODLE_MCP_ROLES=' . implode(',', $roles));
}
if (!$reads) {
    echo "(The service also has functions that write; the agent gets them with write or destructive here.)\n";
}
if ($handover) {
    $handover->allow_commit();
}
if ($file) {
    $file->keep();
}
moodle_mcp_end(0);
