"""The sites on which the jobs run: a demo site, or a real Moodle."""

from __future__ import annotations

import secrets
import tempfile
from pathlib import Path

from moodle_mcp.demo import ADMIN_TOKEN, STUDENT_TOKEN, DemoSite, serving
from tools.jobs.place import make_place, remove
from tools.jobs.running import Done, run_all
from tools.jobs.site import Site, http_client


def on_demo_site() -> tuple[str, list[Done]]:
    """Do the jobs on a demo site of their own; return where that was, and what was done."""
    with serving(DemoSite().app) as url, http_client() as http, _folder() as folder:
        admin, student = Site(url, ADMIN_TOKEN, http), Site(url, STUDENT_TOKEN, http)
        # A name of fixed length, so that every run costs the same.
        return "the demo site", run_all(make_place(admin, student, Path(folder), "jobs0000"))


def on_real_site(url: str, admin: str, student: str) -> tuple[str, list[Done]]:
    """Do the jobs on a real Moodle, and remove what they made in any case."""
    name = f"jobs{secrets.token_hex(2)}"
    with http_client() as http, _folder() as folder:
        site = Site(url, admin, http)
        release: str = site.call("core_webservice_get_site_info")["release"]
        try:
            done = run_all(make_place(site, Site(url, student, http), Path(folder), name))
        finally:
            remove(site, name)
    return f"Moodle {release.split()[0]}", done


def _folder() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="jobs-")
