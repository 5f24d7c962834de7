<?php
/**
 * The plugin's capability, which comes on top of those that Moodle asks for on its own pages.
 *
 * @package local_mcpcompanion
 */

defined('MOODLE_INTERNAL') || die();

$capabilities = [
    'local/mcpcompanion:use' => [
        'riskbitmask' => RISK_SPAM | RISK_DATALOSS,
        'captype' => 'write',
        'contextlevel' => CONTEXT_COURSE,
        'archetypes' => [
            'editingteacher' => CAP_ALLOW,
            'manager' => CAP_ALLOW,
        ],
    ],
];
