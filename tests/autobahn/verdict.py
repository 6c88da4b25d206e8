#!/usr/bin/env python3
"""Judges a report of the Autobahn TestSuite.

    verdict.py REPORT [--agent A] [--role server|client] [--cases "1.* 5.*"]
    verdict.py --count [--cases "1.* 5.*"]

REPORT is an index.json or the folder it lies in; agent and role come from that
folder's name, <agent>-<role>, unless given. Only OK and INFORMATIONAL pass, in
both `behavior` and `behaviorClose`, and exactly the selected cases have to be
there ($AUTOBAHN_CASES if --cases is not given, all of 1 to 7, 9 and 10 if neither
is). Exit: 0 passed, 1 not, 2 wrong usage.
"""

import argparse
import json
import os
import re
import sys

PASSES = ("OK", "INFORMATIONAL")
DEFAULT_CASES = "1.* 2.* 3.* 4.* 5.* 6.* 7.* 9.* 10.*"

# The cases of autobahntestsuite 25.10.1: "6.22": 34 stands for 6.22.1 to 6.22.34.
# Kept here, not asked of wstest, so that a run cannot vouch for itself.
SUITE = {
    "1.1": 8, "1.2": 8,
    "2": 11,
    "3": 7,
    "4.1": 5, "4.2": 5,
    "5": 20,
    "6.1": 3, "6.2": 4, "6.3": 2, "6.4": 4, "6.5": 5, "6.6": 11, "6.7": 4,
    "6.8": 2, "6.9": 4, "6.10": 3, "6.11": 5, "6.12": 8, "6.13": 5, "6.14": 10,
    "6.15": 1, "6.16": 3, "6.17": 5, "6.18": 5, "6.19": 5, "6.20": 7,
    "6.21": 8, "6.22": 34, "6.23": 7,
    "7.1": 6, "7.3": 6, "7.5": 1, "7.7": 13, "7.9": 9, "7.13": 2,
    "9.1": 6, "9.2": 6, "9.3": 9, "9.4": 9, "9.5": 6, "9.6": 6, "9.7": 6, "9.8": 6,
    "10.1": 1,
    "12.1": 18, "12.2": 18, "12.3": 18, "12.4": 18, "12.5": 18,
    "13.1": 18, "13.2": 18, "13.3": 18, "13.4": 18, "13.5": 18, "13.6": 18, "13.7": 18,
}


def by_number(case):
    return [int(part) if part.isdigit() else -1 for part in case.split(".")]


def selected(patterns):
    """The case numbers wstest selects for these patterns, by its own rules."""
    known = ["%s.%d" % (group, n) for group, last in SUITE.items() for n in range(1, last + 1)]
    cases = set()
    for pattern in patterns.split():
        # As in wstest: a star matches any text, and what has a star is a prefix.
        regex = re.escape(pattern).replace(r"\*", ".*")
        match = re.match if "*" in pattern else re.fullmatch
        found = {case for case in known if match(regex, case)}
        if not found:
            raise ValueError("no case matches %r" % pattern)
        cases |= found
    return cases


def listed(cases, most=20):
    cases = sorted(cases, key=by_number)
    rest = len(cases) - most
    return " ".join(cases[:most]) + (" and %d more" % rest if rest > 0 else "")


def reason(folder, result):
    """The description file, and what it says was expected and what happened."""
    path = os.path.join(folder, str(result.get("reportfile", "?")))
    try:
        with open(path, encoding="utf-8") as f:
            detail = json.load(f)
    except (OSError, ValueError):
        return path, []
    texts = []
    for field in ("expectation", "result", "resultClose"):
        text = " ".join(re.sub("<[^>]*>", " ", str(detail.get(field, ""))).split())
        if text and text not in texts:
            texts.append(text)
    return path, texts


def judge(index, agent, expected):
    """Returns the problems found, a line each, and the agent's cases."""
    folder = os.path.dirname(index)
    try:
        with open(index, encoding="utf-8") as f:
            report = json.load(f)
    except (OSError, ValueError) as e:
        return ["no usable report in %s: %s" % (index, e)], {}
    if not isinstance(report, dict) or set(report) != {agent}:
        agents = ", ".join(sorted(report)) if isinstance(report, dict) and report else "none"
        return ["%s should have agent %s alone, it has: %s" % (index, agent, agents)], {}

    problems = []
    cases = report[agent]
    for case in sorted(cases, key=by_number):
        result = cases[case]
        if result.get("behavior") in PASSES and result.get("behaviorClose") in PASSES:
            continue
        path, texts = reason(folder, result)
        problems.append("case %s: behavior %s, behaviorClose %s, see %s" % (
            case, result.get("behavior"), result.get("behaviorClose"), path))
        problems += ["    " + text for text in texts]
    missing = expected - set(cases)
    surplus = set(cases) - expected
    if missing:
        problems.append("%d of %d cases have no result: %s" % (
            len(missing), len(expected), listed(missing)))
    if surplus:
        problems.append("%d cases were not selected: %s" % (len(surplus), listed(surplus)))
    return problems, cases


def summary(agent, role, cases, selection):
    counts = {}
    for result in cases.values():
        # The worse of the two: OK only where both are.
        both = (result.get("behavior"), result.get("behaviorClose"))
        bad = [str(b) for b in both if b not in PASSES]
        kind = bad[0] if bad else "INFORMATIONAL" if "INFORMATIONAL" in both else "OK"
        counts[kind] = counts.get(kind, 0) + 1
    kinds = [k for k in PASSES if k in counts] + sorted(set(counts) - set(PASSES))
    line = "autobahn %s %s: %d cases" % (agent, role, len(cases))
    line += "".join(", %d %s" % (counts[k], k) for k in kinds)
    if selected(selection) != selected(DEFAULT_CASES):
        line += " (only %s)" % selection
    return line


def main():
    parser = argparse.ArgumentParser(description="Judges a report of the Autobahn TestSuite.")
    parser.add_argument("report", nargs="?", help="index.json or the folder it lies in")
    parser.add_argument("--agent")
    parser.add_argument("--role", choices=("server", "client"))
    parser.add_argument("--cases", default=os.environ.get("AUTOBAHN_CASES") or DEFAULT_CASES)
    parser.add_argument("--count", action="store_true", help="only print how many cases are selected")
    args = parser.parse_args()
    try:
        expected = selected(args.cases)
    except ValueError as e:
        parser.error(str(e))
    if args.count:
        print(len(expected))
        return 0
    if not args.report:
        parser.error("want a report")

    index = args.report
    if not index.endswith(".json"):
        index = os.path.join(index, "index.json")
    name = os.path.basename(os.path.dirname(os.path.abspath(index)))
    named = re.fullmatch(r"(.+)-(server|client)", name)
    agent = args.agent or (named and named.group(1))
    role = args.role or (named and named.group(2))
    if not agent or not role:
        parser.error("%s is not named <agent>-<role>; give --agent and --role" % name)

    problems, cases = judge(index, agent, expected)
    for problem in problems:
        print(problem)
    line = summary(agent, role, cases, args.cases)
    print(line + " - FAILED" if problems else line)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
