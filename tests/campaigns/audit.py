"""Whether known faults stand against the packages that are installed here.

    python -m tests.campaigns.audit

pip-audit asks a public list of faults, so it has to be installed (pip install pip-audit; the app
does not need it) and the network has to be there; where one is missing, that is said. Ends with 1
where a fault is known, and with 2 where it could not be found out.
"""

import argparse
import json
import shutil
import subprocess

KNOWN, UNKNOWN = 1, 2


def audit() -> tuple[int, str]:
    """The exit status, and what is to be said."""
    command = shutil.which("pip-audit")
    if command is None:
        return UNKNOWN, "not checked: pip-audit is not installed (pip install pip-audit)"
    done = subprocess.run(
        [command, "--format", "json", "--progress-spinner", "off"],
        capture_output=True, text=True, timeout=600,
    )  # fmt: skip
    try:
        packages = json.loads(done.stdout)["dependencies"]
    except ValueError:  # it ended before it had an answer
        last = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        return UNKNOWN, f"not checked: the list of known faults cannot be reached ({last})"
    skipped = [package["name"] for package in packages if "skip_reason" in package]
    lines = [
        f"{package['name']} {package['version']}: {fault['id']}, mended in "
        f"{' or '.join(fault['fix_versions']) or 'no version yet'}"
        for package in packages
        for fault in package.get("vulns", ())
    ]
    if skipped:
        lines.append(f"not on the list, so not checked: {', '.join(skipped)}")
    status = KNOWN if any(package.get("vulns") for package in packages) else 0
    lines.append(f"{len(packages) - len(skipped)} packages checked")
    return status, "\n".join(lines)


def main() -> int:
    argparse.ArgumentParser(description=__doc__.splitlines()[0]).parse_args()
    status, words = audit()
    print(words)
    return status


if __name__ == "__main__":
    raise SystemExit(main())
