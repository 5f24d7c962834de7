<?php
/*
 * As much of Moodle as provision.php needs, as a config.php. The tables are in state.json beside
 * it. The file trap.php there, if any, defines trap(), which runs when a token has been inserted,
 * or hook(), which runs when a service or the assignment of a role has been inserted.
 */

namespace core\lock {
    class lock_config {
        // Like Moodle 4.1, the program fails at its end if a lock was not released.
        static function get_lock_factory($type) {
            $factory = new self();
            \core_shutdown_manager::register_function(fn() => $factory->held ? exit(255) : null);
            return $factory;
        }
        function get_lock($name, $seconds) {
            $this->file = fopen(__FILE__, 'r');
            $this->held = flock($this->file, LOCK_EX | LOCK_NB);
            return $this->held ? $this : false;
        }
        function release() {
            $this->held = false;
        }
        public $file;
        public $held = false;
    }
}

namespace core\session {
    class manager {
        static function set_user($user) {
        }
    }
}

namespace core_external {
    class util {
        static function generate_token($type, $service, $userid, $context, $end, $ip, $name) {
            global $DB;
            $token = md5(random_bytes(16));
            $DB->insert('external_tokens', ['token' => $token, 'tokentype' => $type, 'externalserviceid' => $service->id,
                'userid' => $userid, 'validuntil' => $end, 'iprestriction' => $ip, 'timecreated' => time()]);
            if (function_exists('trap')) {
                \trap($token);
            }
            return $token;
        }
    }
}

namespace core_privacy\local\sitepolicy {
    class manager {
        function is_defined() {
            return false;
        }
    }
}

namespace {
    class core_shutdown_manager {
        static $callbacks = [];
        static function register_function($callback) {
            if (!self::$callbacks) {
                register_shutdown_function(fn() => array_map('call_user_func', self::$callbacks));
            }
            self::$callbacks[] = $callback;
        }
    }

    const MUST_EXIST = 2, EXTERNAL_TOKEN_PERMANENT = 0, DAYSECS = 86400, CAP_ALLOW = 1, CONTEXT_SYSTEM = 10;

    class database {
        public $state;
        private $before = [];

        function __construct() {
            $this->state = json_decode(file_get_contents(__DIR__ . '/state.json'), true);
        }
        function save() {
            if (!$this->before) {
                file_put_contents(__DIR__ . '/state.json', json_encode($this->state));
            }
        }
        function start_delegated_transaction() {
            $this->before[] = $this->state;
            return $this;
        }
        function allow_commit() {
            array_pop($this->before);
            $this->save();
        }
        function is_transaction_started() {
            return (bool) $this->before;
        }
        function force_transaction_rollback() {
            $this->state = $this->before[0];
            $this->before = [];
        }
        function insert($table, $row) {
            $id = 1 + max(0, 0, ...array_keys($this->state[$table] ?? []));
            $this->state[$table][$id] = ['id' => $id] + (array) $row;
            $this->save();
            return $id;
        }
        function update_record($table, $row) {
            $this->state[$table][$row->id] = (array) $row + $this->state[$table][$row->id];
            $this->save();
        }
        function delete($table, $where) {
            $this->state[$table] = array_diff_key($this->state[$table] ?? [], $this->get_records($table, $where));
            $this->save();
        }
        function get_records($table, $where, $sort = '') {
            $fits = array_filter($this->state[$table] ?? [], function ($row) use ($where) {
                return array_intersect_key($row, $where) == $where;
            });
            return array_map(function ($row) {
                return (object) $row;
            }, $fits);
        }
        function get_record($table, $where) {
            return current($this->get_records($table, $where));
        }
        function get_field($table, $field, $where) {
            return $this->get_record($table, $where)->$field ?? false;
        }
        function record_exists($table, $where) {
            return (bool) $this->get_records($table, $where);
        }
        function count_records($table, $where) {
            return count($this->get_records($table, $where));
        }
        function get_fieldset_select($table, $field, $select, $values) {
            preg_match_all('/(\w+) = \?/', $select, $match);
            return array_column($this->get_records($table, array_combine($match[1], $values)), $field);
        }
        function get_fieldset_sql($sql, $values) {
            return [];
        }
        function get_records_list($table, $field, $values) {
            $rows = array_filter($this->get_records($table, []), function ($row) use ($field, $values) {
                return in_array($row->$field, $values, true);
            });
            return array_column($rows, null, $field);
        }
    }

    class webservice {
        function add_external_service($row) {
            $id = $GLOBALS['DB']->insert('external_services', $row);
            function_exists('hook') && hook('service');
            return $id;
        }
        function update_external_service($row) {
            $GLOBALS['DB']->update_record('external_services', $row);
        }
        function add_external_function_to_service($name, $id) {
            $GLOBALS['DB']->insert('external_services_functions', ['externalserviceid' => $id, 'functionname' => $name]);
        }
        function remove_external_function_from_service($name, $id) {
            $GLOBALS['DB']->delete('external_services_functions', ['externalserviceid' => $id, 'functionname' => $name]);
        }
        function add_ws_authorised_user($row) {
            $GLOBALS['DB']->insert('external_services_users', (array) $row + ['validuntil' => null]);
        }
        function remove_ws_authorised_user($user, $id) {
            $GLOBALS['DB']->delete('external_services_users', ['externalserviceid' => $id, 'userid' => $user->id]);
        }
        function delete_user_ws_token($id) {
            $GLOBALS['DB']->delete('external_tokens', ['id' => $id]);
        }
        function delete_service($id) {
            foreach (['users', 'functions'] as $part) {
                $GLOBALS['DB']->delete("external_services_$part", ['externalserviceid' => $id]);
            }
            $GLOBALS['DB']->delete('external_tokens', ['externalserviceid' => $id]);
            $GLOBALS['DB']->delete('external_services', ['id' => $id]);
        }
        function get_missing_capabilities_by_users($users, $id) {
            return [];
        }
    }

    class event {
        static function create($data) {
            return new self();
        }
        function trigger() {
        }
    }

    class context_system {
        public $id = 1;
        static function instance() {
            return new self();
        }
    }

    spl_autoload_register(function ($class) {
        if (strpos($class, 'core\event\\') === 0) {
            class_alias('event', $class);
        }
    });

    function get_config($plugin, $name) {
        return $GLOBALS['DB']->state['config'][$plugin][$name] ?? false;
    }
    function set_config($name, $value, $plugin = 'core') {
        global $CFG, $DB;
        $DB->state['config'][$plugin][$name] = $value;
        $DB->save();
        if ($plugin === 'core') {
            $CFG->$name = $value;
        }
    }
    function unset_config($name, $plugin = 'core') {
        global $CFG, $DB;
        unset($DB->state['config'][$plugin][$name]);
        $DB->save();
        if ($plugin === 'core') {
            unset($CFG->$name);
        }
    }
    function create_role($name, $shortname, $description) {
        return $GLOBALS['DB']->insert('role', ['shortname' => $shortname]);
    }
    function delete_role($id) {
        $GLOBALS['DB']->delete('role', ['id' => $id]);
        $GLOBALS['DB']->delete('role_capabilities', ['roleid' => $id]);
        $GLOBALS['DB']->delete('role_assignments', ['roleid' => $id]);
    }
    function assign_capability($capability, $permission, $role, $context, $overwrite) {
        $GLOBALS['DB']->insert('role_capabilities',
            ['capability' => $capability, 'roleid' => $role, 'contextid' => $context, 'permission' => $permission]);
    }
    function role_assign($role, $user, $context) {
        $GLOBALS['DB']->insert('role_assignments', ['roleid' => $role, 'userid' => $user]);
        function_exists('hook') && hook('assignment');
    }
    function role_unassign($role, $user, $context) {
        $GLOBALS['DB']->delete('role_assignments', ['roleid' => $role, 'userid' => $user]);
    }
    function user_has_role_assignment($user, $role, $context) {
        return $GLOBALS['DB']->record_exists('role_assignments', ['roleid' => $role, 'userid' => $user]);
    }
    function set_role_contextlevels($id, $levels) {
    }
    function add_to_config_log($name, $before, $after, $plugin) {
    }
    function get_capability_info($name) {
        return (object) ['captype' => 'read'];
    }
    function has_capability($name, $context, $user) {
        return true;
    }
    function moodle_needs_upgrading() {
        return false;
    }
    function get_admin() {
        return null;
    }
    function isguestuser($user) {
        return false;
    }
    function is_siteadmin($user) {
        return false;
    }
    function get_user_preferences($name, $default, $user) {
        return $default;
    }
    function user_not_fully_set_up($user, $strict) {
        return false;
    }

    set_exception_handler(function ($problem) {
        echo "As Moodle's own handler: ", $problem->getMessage();
        exit(1);
    });
    $DB = new database();
    $SITE = (object) ['fullname' => "The \x1b]0;owned\x07site\u{9b}2J\u{202e}"];
    $CFG = (object) (['wwwroot' => 'https://moodle.example', 'release' => '4.5.6', 'libdir' => __DIR__, 'dirroot' => __DIR__,
        'mnet_localhost_id' => 1, 'config_php_settings' => []] + ($DB->state['config']['core'] ?? []));
    if (is_file(__DIR__ . '/trap.php')) {
        require(__DIR__ . '/trap.php');
    }
}
