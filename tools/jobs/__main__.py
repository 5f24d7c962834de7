"""Do twelve everyday jobs as an agent, and say what they cost.

python -m tools.jobs           on a demo site of its own
python -m tools.jobs --live    on a real Moodle, named by MOODLE_LIVE_URL, MOODLE_LIVE_TOKEN (of an
                               administrator) and MOODLE_LIVE_TOKEN_STUDENT; everything that the
                               jobs need is created and removed
python -m tools.jobs --page    write docs/jobs.md
python -m tools.jobs --show 3  print the requests and answers of job 3 as well

The status is 1 if a job ended wrong or cost more than it may.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import Final

from tests.support.live import OTHERS, TOKEN, URL
from tools.jobs.page import page
from tools.jobs.running import faults
from tools.jobs.sites import on_demo_site, on_real_site

_PAGE: Final = Path(__file__).resolve().parents[2] / "docs" / "jobs.md"


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tools.jobs",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--live", action="store_true", help="on a real Moodle")
    parser.add_argument("--page", action="store_true", help="write docs/jobs.md")
    parser.add_argument("--show", type=int, metavar="JOB", help="print what was said in a job")
    options = parser.parse_args()
    if options.live:
        url, admin, student = (os.environ[name] for name in (URL, TOKEN, OTHERS["student"]))
        site, done = on_real_site(url, admin, student)
    else:
        site, done = on_demo_site()
    for each in done:
        if each.job.number == options.show:
            print("\n".join(each.told), end="\n\n")
    text = page(done, site)
    print(text)
    if options.page:
        _PAGE.write_text(text, encoding="utf-8")
    found = faults(done)
    print("\n".join(found), file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
