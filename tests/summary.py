#!/usr/bin/env python3
"""summary.py RESULTS [FAILED_STEP …]: adds up the JUnit files and fuzz counts of one scripts/test run.

Prints what failed by name and ends with "N passed, N failed". A step that failed without a failed test (a build, a linter) counts as
one failure, so that nothing red can hide behind green counts. Exit status 1 when anything failed or no test ran."""
import pathlib
import sys
import xml.etree.ElementTree as ET


def junit(path):
    passed, failed, skipped = [], [], []
    for case in ET.parse(path).getroot().iter("testcase"):
        name = f"{path.stem}: {case.get('classname', '')} {case.get('name')}"
        if case.find("failure") is not None or case.find("error") is not None or case.get("status") == "fail":
            failed.append(name)
        elif case.find("skipped") is not None or case.get("status") in ("notrun", "disabled"):
            why = case.find("skipped")
            skipped.append(name + (f": {why.get('message')}" if why is not None and why.get("message") else ""))
        else:
            passed.append(name)
    return passed, failed, skipped


def main():
    results = pathlib.Path(sys.argv[1])
    steps = sys.argv[2:]
    passed, failed, skipped = [], [], []
    for path in sorted(results.glob("*.xml")):
        for total, part in zip((passed, failed, skipped), junit(path)):
            total.extend(part)
    counts = results / "fuzz.count"
    if counts.exists():
        for line in counts.read_text().splitlines():
            (passed if line.endswith(": passed") else failed).append(line)
    named = " ".join(failed)
    for step in steps:
        if step not in named:
            failed.append(f"step {step}")
    for name in failed:
        print(f"FAILED  {name}")
    for name in skipped:
        print(f"skipped {name}")
    print(f"{len(passed)} passed, {len(failed)} failed" + (f", {len(skipped)} skipped" if skipped else ""))
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
