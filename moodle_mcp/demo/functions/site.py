"""core_webservice: the site's description of itself."""

from __future__ import annotations

from typing import Final

from moodle_mcp.demo.call import Answer, Call, Params
from moodle_mcp.demo.records import SITE_COURSE

_PRIVATE_KEY: Final = b"demo-private-key".hex()
_FEATURES: Final = (
    ("usecomments", 1),
    ("usetags", 1),
    ("enablenotes", 1),
    ("messaging", 1),
    ("enableblogs", 1),
    ("enablecompletion", 1),
    ("enablebadges", 1),
    ("messagingallusers", 0),
    ("enablecustomreports", 1),
    ("enableglobalsearch", 0),
    ("mnet_dispatcher_mode", 0),
    ("enablecompetencies", 1),
)
_OF_THE_SERVICE: Final = ("downloadfiles", "uploadfiles", "release", "version")


def get_site_info(call: Call, params: Params) -> Answer:
    """core_webservice_get_site_info.

    Moodle finds the service by the form field with the token. Over RESTful it therefore reports
    neither functions nor release (observed with webservice_restful on 4.5.6).
    """
    user = call.user
    answer = {
        "sitename": call.world.courses[SITE_COURSE].fullname,
        "username": user.username,
        "firstname": user.firstname,
        "lastname": user.lastname,
        "fullname": user.fullname,
        "lang": user.lang,
        "userid": user.id,
        "siteurl": call.wwwroot,
        "userpictureurl": call.picture(),
        "functions": [
            {"name": name, "version": version} for name, version in call.functions.items()
        ],
        "downloadfiles": int(call.downloads),
        "uploadfiles": int(call.uploads),
        "release": call.release,
        "version": call.version,
        "mobilecssurl": "",
        "advancedfeatures": [{"name": name, "value": value} for name, value in _FEATURES],
        "usercanmanageownfiles": True,
        "userquota": 0 if user.system_role == "admin" else 104_857_600,
        "usermaxuploadfilesize": -1 if user.system_role == "admin" else 8_388_608,
        "userhomepage": 1,
        "userprivateaccesskey": _PRIVATE_KEY,
        "siteid": 1,
        "sitecalendartype": "gregorian",
        "usercalendartype": "gregorian",
        "userissiteadmin": user.system_role == "admin",
        "theme": "boost",
        "limitconcurrentlogins": 0,
        "policyagreed": 0,
    }
    if call.in_form:
        return answer
    answer = {key: value for key, value in answer.items() if key not in _OF_THE_SERVICE}
    return answer | {"functions": []}
